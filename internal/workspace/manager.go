package workspace

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// A Kind is a package manager as far as installs differ.
type Kind string

// The kinds there are. The two of yarn have one program and one lock file's name.
const (
	PNPM        Kind = "pnpm"
	NPM         Kind = "npm"
	YarnClassic Kind = "yarn classic" // version 1
	Yarn        Kind = "yarn"         // berry: version 2 and later
	Bun         Kind = "bun"
)

// A Manager is the package manager that the repository itself names.
type Manager struct {
	Kind    Kind
	Name    string // of its program and its tool: pnpm, npm, yarn or bun; empty: there is none
	Version string // exact; empty: the repository names none
	Range   string // of versions, where the repository names that in the place of one; else empty
	Hash    string // of its tarball, as packageManager gives it after a +, such as sha512.ab12…; empty: none
	Fits    string // versions that use such a lock file, to propose where the repository names none
	At      fault.Position
}

// lockFiles are the names of each program's lock files, the one that it
// prefers first.
func lockFiles() map[string][]string {
	return map[string][]string{
		"pnpm": {"pnpm-lock.yaml"}, "npm": {"npm-shrinkwrap.json", "package-lock.json"},
		"yarn": {"yarn.lock"}, "bun": {"bun.lock", "bun.lockb"},
	}
}

// written is the name of the lock file that a program writes today, and the
// command that makes it, also where its configuration says to make none.
func written(name string) (file, command string) {
	files := lockFiles()[name]
	switch name {
	case "npm":
		return files[1], "npm install --package-lock-only --package-lock"
	case "pnpm":
		return files[0], "pnpm install --lockfile-only"
	}
	return files[0], name + " install"
}

// None is the package manager of a workspace that is not to be installed.
const None = "none"

// ManagerOf gives the package manager that the root of tree is installed with;
// none where there is no package.json, or nothing to install.
func ManagerOf(tree fs.FS, o Options) (Manager, error) {
	f := &finder{tree: tree, inputs: map[string][]byte{}, links: map[string]bool{}}
	if o.Manager == None || !f.exists(manifestFile) {
		return Manager{}, nil
	}
	root := f.manifest(".")
	if root == nil {
		return Manager{}, f.faults.Err()
	}
	m := f.manager(root, o)
	return m, f.faults.Err()
}

// ManagersOf gives those of the workspace at the root of tree and of the nested
// ones, in their order.
func ManagersOf(tree fs.FS, o Options) ([]Manager, error) {
	var faults fault.List
	m, err := ManagerOf(tree, o)
	out, faults := []Manager{m}, append(faults, fault.All(err)...)
	for _, n := range o.Nested {
		sub, err := fs.Sub(tree, n.Dir)
		if err == nil {
			m, err = ManagerOf(sub, n)
			out = append(out, m)
		}
		faults = append(faults, below(n, fault.All(err))...)
	}
	return out, faults.Err()
}

// manager finds out who installs: whom sandwright.yaml says, or packageManager,
// or devEngines, or else whose lock file is there.
func (f *finder) manager(root *manifest, o Options) Manager {
	before := len(f.faults)
	m := f.saidManager(root, o)
	if m.Name == "" && len(f.faults) == before {
		m.Name, m.At = f.managerOfLock(root)
	}
	if m.Name == "" {
		return Manager{}
	}
	m.Kind = Kind(m.Name)
	if m.Name == "yarn" {
		f.yarnKind(&m)
	}
	if m.Version+m.Range == "" {
		m.Fits = f.fits(m)
	}
	return m
}

// fits gives a range of versions for the format of the lock file that is there.
func (f *finder) fits(m Manager) string {
	number := func(expression string) int {
		data, _ := f.read(f.lockFile(m.Name))
		n := 0
		if found := regexp.MustCompile(expression).FindSubmatch(data); found != nil {
			n, _ = strconv.Atoi(string(found[1]))
		}
		return n
	}
	switch n := 0; m.Kind {
	case PNPM:
		if n = number(`(?m)^lockfileVersion: '?(\d+)`); n == 5 {
			return "7"
		} else if n == 6 {
			return "8"
		}
		return "10"
	case Yarn:
		if n = number(`(?m)^  version: (\d+)`); n > 0 && n < 8 {
			return "3"
		}
		return "4"
	case YarnClassic:
		return "1.22.22"
	case Bun:
		return "1"
	}
	return "11"
}

// saidManager reads what names a package manager. A name alone, which
// sandwright.yaml may give, leaves the version to the repository.
func (f *finder) saidManager(root *manifest, o Options) Manager {
	var asked Manager
	if o.Manager != "" {
		asked.Name, asked.Range, _ = strings.Cut(o.Manager, "@")
		asked.At = o.At
		if isExact(asked.Range) {
			asked.Version, asked.Range = asked.Range, ""
		}
	}
	if asked.Version != "" || asked.Range != "" {
		return asked
	}
	said := f.packageManager(root)
	if said.Name == "" {
		said = f.devEngines(root)
	}
	if asked.Name != "" && said.Name != asked.Name {
		return asked
	}
	return said
}

func isExact(version string) bool {
	return regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?$`).MatchString(version)
}

// packageManager reads the field of that name, which has one exact version.
func (f *finder) packageManager(root *manifest) Manager {
	const hint = `add for instance: "packageManager": "pnpm@10.28.0"`
	exact := regexp.MustCompile(`^([a-z]+)@([0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?)(?:\+([0-9A-Za-z.+/=_-]+))?$`)
	value, ok := root.fields["packageManager"]
	if !ok {
		return Manager{}
	}
	text, _ := value.(string)
	parts := exact.FindStringSubmatch(text)
	switch {
	case parts == nil:
		f.fault(root.cannot("packageManager", "use packageManager %s: it is not a name and one exact version", compact(value)).WithHint("%s", hint))
	case lockFiles()[parts[1]] == nil:
		f.fault(root.cannot("packageManager", "use packageManager %s: it is none of pnpm, npm, yarn and bun", compact(value)).WithHint("%s", hint))
	default:
		m := Manager{Name: parts[1], Version: parts[2], Hash: parts[3], At: root.at(root.offsets["packageManager"])}
		if m.Name == "bun" || m.Name == "yarn" && !strings.HasPrefix(m.Version, "1.") {
			m.Hash = "" // it is of another file than the npm package that is locked
		}
		return m
	}
	return Manager{}
}

// devEngines reads devEngines.packageManager: one object, or a list whose first
// one is meant. Its version may be a range, or missing.
func (f *finder) devEngines(root *manifest) Manager {
	value := root.table("devEngines")["packageManager"]
	if list, ok := value.([]any); ok && len(list) > 0 {
		value = list[0]
	}
	if value == nil {
		return Manager{}
	}
	entry, _ := value.(map[string]any)
	name, _ := entry["name"].(string)
	version, _ := entry["version"].(string)
	if lockFiles()[name] == nil {
		f.fault(root.cannot("devEngines", "use devEngines.packageManager %s: it names none of pnpm, npm, yarn and bun", compact(value)).
			WithHint(`write for instance: {"name": "pnpm", "version": "10.28.0"}`))
		return Manager{}
	}
	m := Manager{Name: name, Range: version, At: root.at(root.offsets["devEngines"])}
	if isExact(version) {
		m.Version, m.Range = version, ""
	}
	return m
}

// managerOfLock names who wrote the lock file that is there. Several are a
// fault, and none is one where there is something to install.
func (f *finder) managerOfLock(root *manifest) (string, fault.Position) {
	var names, found []string
	for _, name := range []string{"bun", "npm", "pnpm", "yarn"} {
		if file := f.lockFile(name); file != "" {
			names, found = append(names, name), append(found, file)
		}
	}
	switch {
	case len(names) == 1:
		return names[0], fault.Position{File: found[0]}
	case len(names) > 1:
		f.fault(root.at(0).Cannot("tell which package manager installs: there are %s", strings.Join(found, " and ")).
			WithHint(`remove the one that is not kept, or add to sandwright.yaml: workspace: {manager: %s}`, names[0]))
	case root.installs() || f.exists(settingsFile):
		f.fault(root.at(0).Cannot("tell which package manager installs: there is no lock file, and no packageManager").
			WithHint("install with the one that you use, and commit its lock file, or stage one that git ignores by include: [NAME]; " +
				"without one set workspace: {manager: none}, and install in a build step with network: true"))
	}
	return "", fault.Position{}
}

// anyManager is one whose lock file is there.
func (f *finder) anyManager() Manager {
	for _, kind := range []Kind{PNPM, NPM, YarnClassic, Bun} {
		if name, _, _ := strings.Cut(string(kind), " "); f.lockFile(name) != "" {
			return Manager{Kind: kind, Name: name}
		}
	}
	return Manager{}
}

// lockFile gives the lock file of a program that is there, or nothing.
func (f *finder) lockFile(name string) string {
	files := lockFiles()[name]
	there := func(file string) bool {
		_, err := fs.Stat(f.tree, file)
		return !errors.Is(err, fs.ErrNotExist) // what cannot be read is said when it is
	}
	if i := slices.IndexFunc(files, there); i >= 0 {
		return files[i]
	}
	return ""
}

// installs tells whether a manifest asks for anything.
func (m *manifest) installs() bool {
	for _, field := range append(dependencyFields()[:3], "workspaces") {
		switch v := m.fields[field].(type) {
		case map[string]any:
			if len(v) > 0 {
				return true
			}
		case []any:
			if len(v) > 0 {
				return true
			}
		}
	}
	return false
}

// yarnKind tells the two yarns apart: by the version, by the release that the
// repository brings along, or by the lock.
func (f *finder) yarnKind(m *Manager) {
	if m.Version == "" && m.Range == "" {
		release := regexp.MustCompile(`(?:^|/)yarn-([0-9][^/]*)\.c?js$`).FindStringSubmatch(f.yarnPath().text)
		if release != nil && isExact(release[1]) {
			m.Version, m.At = release[1], f.yarnPath().at
		}
	}
	if v := strings.TrimLeft(m.Version+m.Range, "^~>=v "); v != "" {
		m.Kind = Yarn
		if strings.HasPrefix(v, "1.") || v == "1" {
			m.Kind = YarnClassic
		}
		return
	}
	data, _ := f.read("yarn.lock")
	m.Kind = YarnClassic
	if strings.Contains(string(data), "\n__metadata:") || len(data) == 0 && f.exists(".yarnrc.yml") {
		m.Kind = Yarn
	}
}

// yarnPath is the release of yarn that the repository brings along, which any
// yarn hands over to.
func (f *finder) yarnPath() named {
	for _, one := range [][2]string{
		{".yarnrc.yml", `(?m)^yarnPath:[ \t]*["']?([^"'\s#]+)`}, {".yarnrc", `(?m)^"?yarn-path"?[ \t]+"?([^"\s]+)`},
	} {
		file := one[0]
		if !f.exists(file) {
			continue
		}
		data, _ := f.read(file)
		if at := regexp.MustCompile(one[1]).FindSubmatchIndex(data); at != nil {
			n := strings.Count(string(data[:at[0]]), "\n") + 1
			return named{path.Clean(string(data[at[2]:at[3]])), fault.Position{File: file, Line: n}}
		}
	}
	return named{}
}

func compact(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "of an unknown kind"
	}
	return string(text)
}
