package fetch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const deb822 = `# Debian
Types: deb deb-src
URIs: http://mirror.test/debian http://other.test/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
Trusted: yes
Check-Valid-Until: no

Types: deb
URIs: http://mirror.test/security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
 -----END PGP PUBLIC KEY BLOCK-----

Enabled: no
Types: deb
URIs: http://off.test/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://source.test/debian
Suites: bookworm
Components: main
`

const oneLines = `# comment
deb http://mirror.test/debian/ bookworm main contrib # the archive
deb [arch=amd64 signed-by=/k/a.gpg,/k/b.gpg trusted=yes check-valid-until=no] http://mirror.test/security bookworm-security main
deb-src http://mirror.test/debian/ bookworm main
deb cdrom:[Debian]/ bookworm main
deb http://docker.test/linux/debian bookworm stable
deb http://flat.test/ ./
nonsense
`

// shown is the deb822 text of sources.
func shown(sources []aptSource) string {
	var b strings.Builder
	for _, s := range sources {
		b.WriteString(s.String())
	}
	return b.String()
}

func TestSourcesOfASuite(t *testing.T) {
	for _, c := range []struct {
		name     string
		sources  []aptSource
		suite    string
		security bool
		want     string
	}{
		{"deb822", parseSourcesDeb822(deb822), "bookworm", true, `Types: deb
URIs: http://mirror.test/debian http://other.test/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
Check-Valid-Until: no

Types: deb
URIs: http://mirror.test/security
Suites: bookworm-security
Components: main
Signed-By: 
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
 -----END PGP PUBLIC KEY BLOCK-----

`},
		{"deb822 without security", parseSourcesDeb822(deb822), "bookworm", false, `Types: deb
URIs: http://mirror.test/debian http://other.test/debian
Suites: bookworm
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
Check-Valid-Until: no

`},
		{"one-line", parseSourcesOneLine(oneLines), "bookworm", true, `Types: deb
URIs: http://mirror.test/debian/
Suites: bookworm
Components: main contrib

Types: deb
URIs: http://mirror.test/security
Suites: bookworm-security
Components: main
Signed-By: /k/a.gpg /k/b.gpg
Check-Valid-Until: no

`},
		{"another suite", parseSourcesDeb822(deb822), "trixie", true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, shown(debianSources(c.sources, c.suite, c.security))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadSources(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "sources.list.d"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"sources.list":                    "deb http://a.test/ sid main\n",
		"sources.list.d/b.list":           "deb http://b.test/ sid main\n",
		"sources.list.d/c.sources":        "Types: deb\nURIs: http://c.test/\nSuites: sid\nComponents: main\n",
		"sources.list.d/d.list.disabled":  "deb http://d.test/ sid main\n",
		"sources.list.d/e.sources.backup": "Types: deb\nURIs: http://e.test/\nSuites: sid\nComponents: main\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sources, err := readSources(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range sources {
		got = append(got, s.uris...)
	}
	if diff := cmp.Diff([]string{"http://a.test/", "http://b.test/", "http://c.test/"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if sources, err := readSources(filepath.Join(dir, "gone")); err != nil || sources != nil {
		t.Errorf("no sources give %v, %v", sources, err)
	}
	if err := os.Mkdir(filepath.Join(dir, "sources.list.d/x.list"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := readSources(dir); err == nil {
		t.Error("a directory as sources is taken")
	}
}

// FuzzSources holds that an entry survives being written and read, and that
// nothing in it can switch the check of signatures off.
func FuzzSources(f *testing.F) {
	f.Add(deb822)
	f.Add(oneLines)
	f.Add("Types: deb\nURIs: a\nSuites: sid\nComponents: main\nSigned-By: x\n Trusted: yes\n")
	f.Add("deb [trusted=yes] http://x sid main")
	f.Fuzz(func(t *testing.T, text string) {
		for _, sources := range [][]aptSource{parseSourcesDeb822(text), parseSourcesOneLine(text)} {
			for _, s := range debianSources(sources, "sid", true) {
				for _, stanza := range stanzas(s.String()) {
					for field := range stanza {
						if field == "trusted" || strings.HasPrefix(field, "allow-") {
							t.Fatalf("%q lets %q through:\n%s", text, field, s)
						}
					}
				}
			}
		}
	})
}

func TestAcquireKeepsTheNetworkAndNoMore(t *testing.T) {
	dump := `APT "";
Acquire "";
Acquire::AllowInsecureRepositories "1";
Acquire::http::Proxy "http://proxy.test:3128";
Acquire::http::Proxy::direct.test "DIRECT";
Acquire::https::CAInfo "/etc/ca.pem";
Acquire::https::Verify-Peer "false";
Acquire::https::Verify-Host::x.test "false";
Acquire::Check-Valid-Until "false";
Acquire::ForceIPv4 "true";
Acquire::IndexTargets::deb::DEP-11::MetaKey "x";
Acquire::Languages:: "none";
DPkg::Post-Invoke:: "rm -rf /";
`
	want := `Acquire::http::Proxy "http://proxy.test:3128";
Acquire::http::Proxy::direct.test "DIRECT";
Acquire::https::CAInfo "/etc/ca.pem";
Acquire::Check-Valid-Until "false";
Acquire::ForceIPv4 "true";
`
	if diff := cmp.Diff(want, acquireOf(dump)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
