package fetch

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// aptDir is where apt's own configuration stands.
const aptDir = "/etc/apt"

// A privateApt is apt in a directory of its own: it reads the machine's
// sources, keys, credentials and proxies, and none of its packages.
type privateApt struct {
	dir  string
	arch string
}

// newApt makes a private apt for one suite. Remove its directory when done.
func (f *Fetcher) newApt(ctx context.Context, suite string, security bool, arch string) (*privateApt, error) {
	if err := needPrograms(map[string]string{"apt-get": "apt", "dpkg-deb": "dpkg"}); err != nil {
		return nil, err
	}
	sources, err := f.sourcesOf(suite, security)
	if err != nil {
		return nil, err
	}
	dump, err := command{name: "apt-config", args: []string{"dump"}}.run(ctx)
	if err != nil {
		return nil, fault.Cannot("read apt's configuration: %w", err)
	}
	dir, err := os.MkdirTemp(filepath.Join(f.store.dir, "tmp"), "apt-")
	if err != nil {
		return nil, fault.Cannot("keep apt's state: %w", err)
	}
	a := &privateApt{dir, arch}
	if err := a.lay(sources, acquireOf(dump)); err != nil {
		a.remove()
		return nil, fault.Cannot("keep apt's state: %w", err)
	}
	return a, nil
}

// debianKeys are the keys of Debian's own archive.
const debianKeys = "/usr/share/keyrings/debian-archive-keyring.gpg"

// sourcesOf says where a suite comes from: as sandwright.yaml says, or else as
// apt is configured.
func (f *Fetcher) sourcesOf(suite string, security bool) ([]aptSource, error) {
	if f.settings.Debian != "" {
		return f.givenSources(suite, security)
	}
	sources, err := readSources(aptDir)
	if err != nil {
		return nil, fault.Cannot("read apt's sources: %w", err)
	}
	sources = debianSources(sources, suite, security)
	if len(sources) == 0 {
		return nil, fault.Cannot("find Debian's %s in apt's sources", suite).
			WithHint("add it to %s/sources.list.d, with its Signed-By", aptDir)
	}
	return sources, nil
}

// givenSources are those of registries in sandwright.yaml, which Debian's own
// keys must have signed.
func (f *Fetcher) givenSources(suite string, security bool) ([]aptSource, error) {
	if _, err := os.Stat(debianKeys); err != nil {
		return nil, fault.Cannot("find Debian's keys, %s", debianKeys).WithHint("run: apt-get install debian-archive-keyring")
	}
	from := func(uri string, suites ...string) aptSource {
		return aptSource{uris: []string{uri}, suites: suites, components: []string{"main"}, signedBy: debianKeys}
	}
	if !security {
		return []aptSource{from(f.settings.Debian, suite)}, nil
	}
	sources := []aptSource{from(f.settings.Debian, suite, suite+"-updates")}
	if f.settings.DebianSecurity != "" {
		sources = append(sources, from(f.settings.DebianSecurity, suite+"-security"))
	}
	return sources, nil
}

func (a *privateApt) remove() { _ = os.RemoveAll(a.dir) }

// lay writes the files that apt reads.
func (a *privateApt) lay(sources []aptSource, acquire string) error {
	for _, sub := range []string{"etc/sources.list.d", "etc/preferences.d", "state/lists/partial", "cache/archives/partial", "log", "debs"} {
		if err := os.MkdirAll(filepath.Join(a.dir, sub), 0o755); err != nil {
			return err
		}
	}
	var text strings.Builder
	for _, s := range sources {
		text.WriteString(s.String())
	}
	for name, data := range map[string]string{
		"etc/sources.list.d/sandwright.sources": text.String(),
		"etc/preferences":                       preferences,
		"status":                                "",
		"apt.conf":                              aptConf(a.dir, a.arch, acquire),
	} {
		if err := os.WriteFile(filepath.Join(a.dir, name), []byte(data), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// run calls apt-get and gives what it writes.
func (a *privateApt) run(ctx context.Context, args ...string) (string, error) {
	return command{
		name: "apt-get", args: args, dir: filepath.Join(a.dir, "debs"),
		env: []string{"APT_CONFIG=" + filepath.Join(a.dir, "apt.conf")},
	}.run(ctx)
}

// update brings the signed indices; any that cannot be had is an error.
func (a *privateApt) update(ctx context.Context) error {
	if _, err := a.run(ctx, "update", "--error-on=any"); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return fault.Cannot("get Debian's package lists: %w", err).
			WithHint("check the network, and: apt-get update")
	}
	return nil
}

// readSources reads every entry of apt's sources below dir.
func readSources(dir string) ([]aptSource, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "sources.list.d", "*"))
	if err != nil {
		return nil, err
	}
	var out []aptSource
	for _, path := range append([]string{filepath.Join(dir, "sources.list")}, paths...) {
		parse := map[string]func(string) []aptSource{".list": parseSourcesOneLine, ".sources": parseSourcesDeb822}[filepath.Ext(path)]
		if parse == nil {
			continue
		}
		data, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, parse(string(data))...)
	}
	return out, nil
}

// debArch is Debian's word for the architecture of a platform.
func debArch(platform string) (string, error) {
	_, arch, _ := strings.Cut(platform, "/")
	switch arch {
	case "amd64", "arm64":
		return arch, nil
	}
	return "", fault.Cannot("make a Debian base for %s: only linux/amd64 and linux/arm64 are known", platform)
}

// minimal is an apt pattern for what every Debian system of an architecture
// has.
func minimal(arch string) string {
	return fmt.Sprintf("?and(?architecture(%s),?or(?essential,?priority(required)))", arch)
}
