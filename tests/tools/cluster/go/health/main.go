// Health reads objects as JSON lines and prints for each, as a JSON line, how the tools of GitOps judge it.
//
// Usage: health HEALTH_LUA < objects > verdicts. Argo CD runs the script in gopher-lua with the object as the global
// obj, and takes the status and message of the table that it returns:
// https://argo-cd.readthedocs.io/en/stable/operator-manual/health/
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	flux "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kubejson "k8s.io/apimachinery/pkg/util/json"
	kstatus "sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

type verdict struct {
	Argo        string `json:"argo"`
	ArgoMessage string `json:"argoMessage"`
	Kstatus     string `json:"kstatus"`
	Flux        string `json:"flux"`
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(path string) error {
	script, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	answers := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		object := map[string]any{}
		if err := kubejson.Unmarshal(lines.Bytes(), &object); err != nil {
			return err
		}
		found, err := judge(string(script), object)
		if err != nil {
			return err
		}
		if err := answers.Encode(found); err != nil {
			return err
		}
	}
	return lines.Err()
}

func judge(script string, object map[string]any) (verdict, error) {
	wrapped := &unstructured.Unstructured{Object: object}
	byKstatus, err := kstatus.Compute(wrapped)
	if err != nil {
		return verdict{}, err
	}
	byFlux, err := flux.Compute(wrapped)
	if err != nil {
		return verdict{}, err
	}
	status, message, err := argo(script, object)
	return verdict{status, message, string(byKstatus.Status), string(byFlux.Status)}, err
}

// Argo opens the same libraries, without those that reach files or processes.
func argo(script string, object map[string]any) (string, string, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{
		lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable, lua.StringLibName: lua.OpenString,
	} {
		if err := state.CallByParam(lua.P{Fn: state.NewFunction(open), Protect: true}, lua.LString(name)); err != nil {
			return "", "", err
		}
	}
	state.SetGlobal("obj", value(state, object))
	if err := state.DoString(script); err != nil {
		return "", "", err
	}
	table, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return "", "", fmt.Errorf("the script returns no table")
	}
	return table.RawGetString("status").String(), table.RawGetString("message").String(), nil
}

func value(state *lua.LState, from any) lua.LValue {
	switch one := from.(type) {
	case nil:
		return lua.LNil
	case bool:
		return lua.LBool(one)
	case int64:
		return lua.LNumber(one)
	case float64:
		return lua.LNumber(one)
	case string:
		return lua.LString(one)
	case []any:
		list := state.NewTable()
		for _, item := range one {
			list.Append(value(state, item))
		}
		return list
	case map[string]any:
		table := state.NewTable()
		for name, item := range one {
			table.RawSetString(name, value(state, item))
		}
		return table
	}
	panic(fmt.Sprintf("not JSON: %T", from))
}
