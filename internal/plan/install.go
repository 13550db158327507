package plan

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/installed"
	"github.com/sandwright/sandwright/internal/lock"
	"github.com/sandwright/sandwright/internal/workspace"
)

// An Install is how the package manager of one workspace installs, over its
// manifests alone.
type Install struct {
	Dir       string    // of the workspace, relative to Target; "." is Target
	Fetch     []Command // before its manifests are there, over what of its inputs fetching reads; none: Steps fetch
	Steps     []Command
	After     string            // shell text that follows each command: it takes out when it ran
	Hooks     []string          // the workspace's own lifecycle scripts, once their part of its source is there; none: nothing to run
	Part                        // what Hooks see
	Manifests map[string][]byte // as Hooks see them beside their part, by path
	Env       map[string]string // of every command
	Store     string            // the folder in the box where what is downloaded is kept between installs
	Keep      string            // shell text after the last of Steps, that copies to Kept what of Store the box needs; none: nothing
	Alone     bool              // no two installs may use Store at once
	HomeNPMRC bool              // the package manager looks for npmrc in the home folder alone
	Secrets   []string          // names of secret build-scoped variables that it sees; no part of the cache key
	Variables []string          // environment variables that its configuration names: secrets, where they are set
}

// A Command is one step of an install.
type Command struct {
	Name string // for the display
	Args []string
}

// StoreRoot is where the package managers' stores are mounted while an install runs.
const StoreRoot = "/var/cache/sandwright"

// installs are those of the workspace and of those nested in it; one that has
// no package manager has none.
func installs(f *config.File, from Inputs) []Install {
	var out []Install
	root, versions := from.Workspace, versions(from.Lock, from.Platform)
	add := func(ws *workspace.Workspace, say config.Installing) {
		if ws.Manager.Name != "" {
			in := installOf(ws, say, versions[ws.Manager.Name])
			if in.Inputs = say.HookInputs; len(in.Hooks) > 0 && len(in.Inputs) == 0 {
				in.sees(root, ws, from.Own)
			}
			if dir := headers(from.Lock.Tools[Node].Platforms[from.Platform]); dir != "" {
				in.Env["npm_config_nodedir"] = dir
			}
			in.Secrets = reads(f, say.Env, from.BuildEnv, in.Env)
			out = append(out, in)
		}
	}
	add(root, f.Workspace.Installing)
	for i, ws := range root.Nested {
		add(ws, f.Workspace.Nested[i].Installing)
	}
	own := environment(f)
	for i := range out {
		out[i].Variables = slices.DeleteFunc(out[i].Variables, func(name string) bool {
			_, set := own[name]
			variable, declared := f.Env[name]
			return set || declared && !variable.In(config.ScopeBuild)
		})
	}
	return out
}

// headers is where the tool node has its headers, from which node-gyp builds
// dependencies that are not built: else it would look for them on the network. It is
// empty where they may not be there.
func headers(node lock.Artifact) string {
	if !strings.HasPrefix(node.Package, "node-linux-") {
		return ""
	}
	return "/" + path.Join(installed.ToolsDir, Node)
}

// installOf decides the commands. All of them are held to the lock file, and
// run the scripts of no dependency that is not allowed by name.
func installOf(ws *workspace.Workspace, say config.Installing, version string) Install {
	store := path.Join(StoreRoot, strings.ReplaceAll(string(ws.Manager.Kind), " ", "-"))
	in := Install{Dir: ws.Dir, Store: store, Env: map[string]string{}, Variables: slices.Clone(ws.Variables)}
	allowed := slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(ws.Built), say.AllowScripts...))))
	what := "install the workspace's dependencies"
	if ws.Dir != "." {
		what = "install the dependencies of " + ws.Dir
	}
	install := func(args ...string) { in.Steps = append(in.Steps, Command{what, args}) }
	rebuild := func(args ...string) {
		if len(allowed) > 0 {
			in.Steps = append(in.Steps, Command{"run the install scripts of " + strings.Join(allowed, ", "), append(args, allowed...)})
		}
	}
	switch ws.Manager.Kind {
	case workspace.PNPM:
		pnpm(&in, say, version, install, rebuild)
		if ws.FetchesNode {
			in.Env[ownNode] = "false"
		}
	case workspace.NPM:
		maps.Copy(in.Env, map[string]string{"npm_config_cache": store, "npm_config_update_notifier": "false", "npm_config_audit": "false", "npm_config_fund": "false"})
		install("npm", "ci", ignoreScripts, "--prefer-offline")
		rebuild("npm", "rebuild", "--foreground-scripts", "--dangerously-allow-all-scripts")
	case workspace.YarnClassic:
		in.Alone, in.HomeNPMRC = true, true // its cache is not made for two at once
		in.Env["YARN_CACHE_FOLDER"] = store
		install("yarn", "install", "--frozen-lockfile", ignoreScripts, "--non-interactive", "--prefer-offline")
		rebuild("node", "-e", rebuildScript, "--")
	case workspace.Yarn:
		maps.Copy(in.Env, map[string]string{
			"YARN_ENABLE_SCRIPTS": "false", "YARN_ENABLE_TELEMETRY": "0", "YARN_ENABLE_PROGRESS_BARS": "false",
			"YARN_GLOBAL_FOLDER": store, "YARN_ENABLE_GLOBAL_CACHE": strconv.FormatBool(!ws.PlugAndPlay),
		})
		install("yarn", "install", "--immutable")
	case workspace.Bun:
		in.HomeNPMRC = true
		in.Env["BUN_INSTALL_CACHE_DIR"] = store
		install("bun", "install", "--frozen-lockfile", "--backend=copyfile")
	}
	if ws.Configures && major(version) >= 11 {
		in.Keep = keep(store)
	}
	in.hooks(ws, say.Hooks == "install", version)
	in.After = after(ws)
	return in
}

// ignoreScripts tells npm, yarn classic and pnpm to run no script at all.
const ignoreScripts = "--ignore-scripts"

// trustLockfile tells pnpm, from 11 on, not to hold its policies against the lock file.
const trustLockfile = "--trust-lockfile"

// pnpm decides for pnpm, which from version 10 runs only the scripts that its
// own list allows, and from version 11 holds its policies against each entry of
// the lock file.
func pnpm(in *Install, say config.Installing, version string, install, rebuild func(...string)) {
	args := []string{"pnpm", "install", "--frozen-lockfile", "--prefer-offline", "--store-dir=" + in.Store}
	for _, prefix := range []string{"npm_config_", "pnpm_config_"} { // of 10, of 11
		in.Env[prefix+"cache_dir"] = in.Store + "/cache"
		in.Env[prefix+"manage_package_manager_versions"] = "false"
	}
	maps.Copy(in.Env, pnpmEverywhere(version))
	trust := say.TrustLockfile
	if say.Fetch == "apart" {
		// The fetch holds pnpm's policies against the lock file, which the install then
		// may trust: it is the same.
		in.Fetch = []Command{{fetchName(in.Dir), fetch(in.Store, version, trust)}}
		args[slices.Index(args, "--prefer-offline")], trust = "--offline", true
	}
	if major(version) >= 11 && trust {
		args = append(args, trustLockfile)
	}
	if major(version) >= 10 {
		install(args...)
		return
	}
	install(append(args, ignoreScripts)...)
	rebuild("pnpm", "rebuild", "--recursive", "--store-dir="+in.Store)
	if again := slices.Clone(in.Steps[0].Args); len(in.Steps) > 1 {
		if !slices.Contains(again, "--offline") {
			again = append(again, "--offline")
		}
		in.Steps = append(in.Steps, Command{"link commands again", again}) // a rebuild takes NODE_PATH out of them
	}
}

func fetchName(dir string) string {
	if dir == "." {
		return "fetch the workspace's dependencies"
	}
	return "fetch the dependencies of " + dir
}

// fetch is pnpm's command that reads no manifest. From version 10 on it runs the
// install scripts that pnpm's list allows. What it notes of node_modules, that
// nothing is hoisted there, the install would go by.
func fetch(store, version string, trust bool) []string {
	command := "pnpm fetch --store-dir=" + store + " --config.prefer-offline=true"
	if major(version) >= 11 && trust {
		command += " " + trustLockfile
	}
	if major(version) < 10 {
		command += " --config.ignore-scripts=true"
	}
	return []string{"/bin/sh", "-euc", command + "\nrm -f node_modules/.modules.yaml node_modules/.pnpm-workspace-state-v1.json\n"}
}

// pnpmEverywhere is what pnpm has to find the same in the install, in steps and in
// the box. With another store, or another kind of node_modules, it takes what is
// installed for stale: before each script, from 11 on, and when it installs. Its
// default for the latter differs under CI. The pnpm on PATH is the one that
// package.json names: 12 would else ask the registry for its own packages before
// any command, and write them into the lock file. Nor does it look at node_modules
// before a script: the install saw no versions of the workspace's packages, and
// what it left would pass for that of another workspace.
func pnpmEverywhere(version string) map[string]string {
	store := path.Join(StoreRoot, string(workspace.PNPM))
	if major(version) < 11 {
		return map[string]string{"npm_config_store_dir": store, "npm_config_verify_deps_before_run": "false"}
	}
	return map[string]string{
		"pnpm_config_store_dir": store, "pnpm_config_enable_global_virtual_store": "false", "pnpm_config_pm_on_fail": "ignore",
		"pnpm_config_verify_deps_before_run": "false",
	}
}

// ownNode is the variable by which pnpm up to 10 is told to fetch no node, but to
// take the one that is there: the tool, which is pinned and of the version asked for.
const ownNode = "npm_config_use_node_version"

func major(version string) int {
	n, _ := strconv.Atoi(version[:max(0, strings.IndexByte(version, '.'))])
	return n
}

// ShellText is words for a shell, each as it is.
func ShellText(words ...string) string {
	plain := regexp.MustCompile(`^[A-Za-z0-9_@%+:,./-]+$`) // with = it could be an assignment
	var out []string
	for _, word := range words {
		if !plain.MatchString(word) {
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		out = append(out, word)
	}
	return strings.Join(out, " ")
}

// rebuildScript runs the install scripts of the packages that its arguments
// name, wherever below node_modules they are, as yarn classic does and cannot be
// asked to for some of them only.
const rebuildScript = `
const {execFileSync} = require('child_process'), fs = require('fs'), path = require('path')
const names = new Set(process.argv.slice(1)), root = process.cwd()
const subfolders = dir => { try { return fs.readdirSync(dir, {withFileTypes: true}).filter(e => e.isDirectory()).map(e => e.name).sort() } catch { return [] } }
const bins = dir => dir === path.dirname(dir) ? [] : [path.join(dir, 'node_modules/.bin'), ...bins(path.dirname(dir))]
function build(dir) {
  const m = JSON.parse(fs.readFileSync(path.join(dir, 'package.json'), 'utf8')), scripts = {...m.scripts}
  if (!scripts.install && !scripts.preinstall && fs.existsSync(path.join(dir, 'binding.gyp'))) scripts.install = 'node-gyp rebuild'
  for (const stage of ['preinstall', 'install', 'postinstall']) if (scripts[stage]) {
    console.log(m.name + '@' + m.version + ' ' + stage + ': ' + scripts[stage])
    execFileSync('/bin/sh', ['-c', scripts[stage]], {cwd: dir, stdio: 'inherit', env: {...process.env, PATH: [...bins(dir), process.env.PATH].join(':'),
      INIT_CWD: root, npm_lifecycle_event: stage, npm_package_name: m.name, npm_package_version: m.version, npm_config_user_agent: 'yarn/1'}})
  }
}
function modules(dir) {
  for (const name of subfolders(dir)) if (name[0] === '@') for (const sub of subfolders(path.join(dir, name))) visit(dir, name + '/' + sub); else if (name[0] !== '.') visit(dir, name)
}
function visit(dir, name) {
  const at = path.join(dir, name)
  modules(path.join(at, 'node_modules'))
  if (names.has(name)) build(at)
}
function members(dir) {
  modules(path.join(dir, 'node_modules'))
  for (const name of subfolders(dir)) if (name !== 'node_modules' && name[0] !== '.') members(path.join(dir, name))
}
members(root)
`
