package fetch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// needApt fails, rather than skips, where the real programs are missing.
func needApt(t *testing.T) {
	t.Helper()
	for _, name := range []string{"apt-get", "dpkg-deb", "apt-config"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("this test needs %s: run: apt-get install apt dpkg", name)
		}
	}
}

// aptOver makes a private apt whose only source is a flat local repository of
// the packages that are named as NAME VERSION DEPENDS.
func aptOver(t *testing.T, packages ...[3]string) *privateApt {
	t.Helper()
	needApt(t)
	root := t.TempDir()
	a := &privateApt{dir: filepath.Join(root, "apt"), arch: "amd64"}
	repo := filepath.Join(root, "repo")
	var index strings.Builder
	for _, p := range packages {
		deb := buildDeb(t, repo, p[0], p[1], p[2])
		data, err := os.ReadFile(deb)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		fmt.Fprintf(&index, "Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: x\nDescription: x\n%sFilename: ./%s\nSize: %d\nSHA256: %x\n\n",
			p[0], p[1], depends(p[2]), filepath.Base(deb), len(data), sum)
	}
	if err := os.WriteFile(filepath.Join(repo, "Packages"), []byte(index.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := a.lay(nil, ""); err != nil {
		t.Fatal(err)
	}
	list := "deb [trusted=yes] copy:" + repo + " ./\n"
	if err := os.WriteFile(filepath.Join(a.dir, "etc/sources.list"), []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(a.dir, "etc/preferences")); err != nil { // nobody signed its Origin
		t.Fatal(err)
	}
	if err := a.update(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a
}

func depends(on string) string {
	if on == "" {
		return ""
	}
	return "Depends: " + on + "\n"
}

// buildDeb makes a real package of one file.
func buildDeb(t *testing.T, repo, name, version, on string) string {
	t.Helper()
	tree := filepath.Join(t.TempDir(), name)
	for path, text := range map[string]string{
		"DEBIAN/control":    "Package: " + name + "\nVersion: " + version + "\nArchitecture: all\nMaintainer: x\nDescription: x\n" + depends(on),
		"usr/share/" + name: version,
	} {
		full := filepath.Join(tree, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(repo, 0o755); err != nil {
		t.Fatal(err)
	}
	deb := filepath.Join(repo, name+".deb")
	if out, err := exec.Command("dpkg-deb", "--root-owner-group", "--build", tree, deb).CombinedOutput(); err != nil {
		t.Fatalf("dpkg-deb: %s", out)
	}
	return deb
}

// resolved is what apt makes of the packages of aptOver.
func resolved(t *testing.T, a *privateApt, packages ...string) []lock.Deb {
	t.Helper()
	debs, err := a.solve(t.Context(), BaseSpec{Suite: "sid", Packages: packages})
	if err != nil {
		t.Fatal(err)
	}
	return debs
}

// system is the fixture: apt itself, and a program with one dependency.
func system(t *testing.T) *privateApt {
	return aptOver(t, [3]string{"apt", "1:2.0~rc1+b1", ""}, [3]string{"tool", "1.0", "libtool1"}, [3]string{"libtool1", "3", ""}, [3]string{"unused", "1", ""})
}

func TestSolve(t *testing.T) {
	a := system(t)
	var got []string
	for _, d := range resolved(t, a, "tool") {
		if d.Size == 0 || len(d.SHA256) != 64 {
			t.Errorf("%+v has no size or sum", d)
		}
		got = append(got, d.Name+" "+d.Version+" "+d.Arch)
	}
	if diff := cmp.Diff([]string{"apt 1:2.0~rc1+b1 all", "libtool1 3 all", "tool 1.0 all"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSolveFaults(t *testing.T) {
	a := system(t)
	for _, c := range [][2]string{
		{"nosuch", "cannot resolve a base of Debian sid with packages nosuch: apt-get says: Unable to locate package nosuch"},
		{"--option", "Unable to locate package --option"},
	} {
		_, err := a.solve(t.Context(), BaseSpec{Suite: "sid", Packages: c[:1]})
		if err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("got  %v\nwant %s", err, c[1])
		}
	}
}

func TestDebsAreDownloadedAndVerified(t *testing.T) {
	a := system(t)
	debs := resolved(t, a, "tool")
	f := newFetcher(t, npmFrom(nil))
	if err := a.download(t.Context(), debs); err != nil {
		t.Fatal(err)
	}
	for _, d := range debs {
		if err := f.keepDeb(a, d); err != nil {
			t.Error(err)
		}
		if size, ok := f.store.size(d.SHA256); !ok || size != d.Size {
			t.Errorf("%s is kept: %v, %d bytes", d.Name, ok, size)
		}
	}
	if left, _ := os.ReadDir(filepath.Join(a.dir, "debs")); len(left) != 0 {
		t.Errorf("apt's directory still holds %v", left)
	}
}

func TestTamperedDebsAreRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(path string, d *lock.Deb)
		want string
	}{
		{"bytes", func(path string, _ *lock.Deb) { flip(t, path) }, "cannot use package apt 1:2.0~rc1+b1: it has sha256 "},
		{"size", func(_ string, d *lock.Deb) { d.Size++ }, "bytes, and sandwright.lock says "},
		{"sum", func(_ string, d *lock.Deb) { d.SHA256 = strings.Repeat("0", 64) }, "and sandwright.lock says 000"},
		{"gone", func(path string, _ *lock.Deb) { _ = os.Remove(path) }, "cannot find package apt 1:2.0~rc1+b1, which sandwright.lock pins: apt did not bring apt_1%3a2.0~rc1+b1_all.deb"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := system(t)
			d := resolved(t, a)[0]
			if err := a.download(t.Context(), []lock.Deb{d}); err != nil {
				t.Fatal(err)
			}
			c.edit(filepath.Join(a.dir, "debs", debFile(d)), &d)
			f := newFetcher(t, npmFrom(nil))
			err := f.keepDeb(a, d)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got  %v\nwant %s", err, c.want)
			}
			if !strings.Contains(fault.All(err)[0].Hint, "sandwright lock --update base") {
				t.Errorf("hint is %q", fault.All(err)[0].Hint)
			}
			nothingKept(t, f.store)
		})
	}
}

func flip(t *testing.T, path string) {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAVersionNoLongerServed(t *testing.T) {
	a := system(t)
	err := a.download(t.Context(), []lock.Deb{{Name: "apt", Version: "9:9"}})
	want := "cannot get the packages of the base that sandwright.lock pins: apt-get says: Version '9:9' for 'apt' was not found"
	if err == nil || err.Error() != want {
		t.Fatalf("got  %v\nwant %s", err, want)
	}
	if hint := fault.All(err)[0].Hint; hint != "Debian no longer serves those versions; run: sandwright lock --update base" {
		t.Errorf("hint is %q", hint)
	}
}

func TestUnsignedArchivesAreRefused(t *testing.T) {
	a := system(t)
	path := filepath.Join(a.dir, "etc/sources.list")
	list, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(list), "[trusted=yes] ", "")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := a.update(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "cannot get Debian's package lists: ") {
		t.Errorf("got %v", err)
	}
}

func TestRepositoryHoldsThePinnedFilesOnly(t *testing.T) {
	a := system(t)
	debs := resolved(t, a, "tool")
	f := newFetcher(t, npmFrom(nil))
	if err := a.download(t.Context(), debs); err != nil {
		t.Fatal(err)
	}
	for _, d := range debs {
		if err := f.keepDeb(a, d); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(t.TempDir(), "repo")
	if err := f.layRepository(t.Context(), dir, lock.System{Packages: debs}); err != nil {
		t.Fatal(err)
	}
	index, err := os.ReadFile(filepath.Join(dir, "Packages"))
	if err != nil {
		t.Fatal(err)
	}
	got := stanzas(string(index))
	if len(got) != len(debs) {
		t.Fatalf("the index has %d packages, want %d", len(got), len(debs))
	}
	for i, d := range debs {
		if got[i]["package"] != d.Name || got[i]["version"] != d.Version || got[i]["sha256"] != d.SHA256 || got[i]["filename"] != "./"+d.SHA256+".deb" {
			t.Errorf("the index says %v of %+v", got[i], d)
		}
	}
	missing := lock.System{Packages: []lock.Deb{{Name: "gone", SHA256: hex.EncodeToString(make([]byte, 32))}}}
	if err := f.layRepository(t.Context(), dir, missing); err == nil || !strings.HasPrefix(err.Error(), "cannot read package gone: ") {
		t.Errorf("got %v", err)
	}
}

func TestReleases(t *testing.T) {
	a := &privateApt{dir: t.TempDir()}
	lists := filepath.Join(a.dir, "state/lists")
	if err := os.MkdirAll(lists, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := a.releases(); err == nil || !strings.HasPrefix(err.Error(), "cannot find a signed list of Debian's own archive") {
		t.Errorf("no lists give %v", err)
	}
	text := "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: %s\nSuite: stable\nCodename: %s\nSHA256:\n abc 1 main\n"
	for name, args := range map[string][2]string{"a": {"Debian", "bookworm"}, "b": {"Debian", "bookworm-security"}, "c": {"Docker", "bookworm-docker"}} {
		data := fmt.Sprintf(text, args[0], args[1])
		if err := os.WriteFile(filepath.Join(lists, name+"_InRelease"), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sum := func(args ...any) string {
		h := sha256.Sum256([]byte(fmt.Sprintf(text, args...)))
		return hex.EncodeToString(h[:])
	}
	want := []lock.Release{{Suite: "bookworm", SHA256: sum("Debian", "bookworm")}, {Suite: "bookworm-security", SHA256: sum("Debian", "bookworm-security")}}
	got, err := a.releases()
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestParseURILine(t *testing.T) {
	sum := strings.Repeat("a", 64)
	got, err := parseURILine("'http://h/pool/libcap2_2.66-4%2bdeb12u3_amd64.deb' libcap2_1%3a2.66-4+deb12u3_amd64.deb 26776 SHA256:" + sum + " \n")
	want := lock.Deb{Name: "libcap2", Version: "1:2.66-4+deb12u3", Arch: "amd64", Size: 26776, SHA256: sum}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if debFile(got) != "libcap2_1%3a2.66-4+deb12u3_amd64.deb" {
		t.Errorf("apt would call it %s", debFile(got))
	}
	for _, bad := range []string{"", "'x' y 1 MD5Sum:a", "'x' a_b.deb 1 SHA256:" + sum, "'x' a1_b%zz_all.deb 1 SHA256:" + sum, "'x' a1_1_all.deb 99999999999999999999 SHA256:" + sum} {
		if d, err := parseURILine(bad); err == nil {
			t.Errorf("%q gives %+v", bad, d)
		}
	}
}

func TestDebArch(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		if got, err := debArch("linux/" + arch); err != nil || got != arch {
			t.Errorf("%s gives %s, %v", arch, got, err)
		}
	}
	if _, err := debArch("linux/s390x"); err == nil {
		t.Error("linux/s390x is taken")
	}
}
