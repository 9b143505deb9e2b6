// Builds the page into operator/taskfleet/ui/assets. --check: fails where the files there are not what this builds.
import { readFile, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const OUT = new URL("../operator/taskfleet/ui/assets/", import.meta.url);
const built = await build({
  entryPoints: [
    { in: "src/main.tsx", out: "app" },
    { in: "src/style.css", out: "app" },
  ],
  bundle: true,
  charset: "utf8",
  format: "esm",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  minify: true,
  outdir: "out",
  target: ["es2022"],
  write: false,
});
const files = new Map(built.outputFiles.map((file) => [file.path.replace(/.*[\\/]/, ""), file.text]));
for (const name of ["index.html", "icon.svg"]) {
  files.set(name, await readFile(new URL(`src/${name}`, import.meta.url), "utf8"));
}

const stale = [];
for (const [name, text] of files) {
  const path = new URL(name, OUT);
  if (!process.argv.includes("--check")) await writeFile(path, text);
  else if ((await readFile(path, "utf8").catch(() => "")) !== text) stale.push(name);
}
if (stale.length > 0) {
  console.error(`operator/taskfleet/ui/assets: ${stale.join(", ")} differ from the sources in ui/: run \`make ui\`.`);
  process.exit(1);
}
