from tests.tools.cluster.cli import main

raise SystemExit(main())
