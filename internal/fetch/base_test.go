package fetch

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// rootTar is a tar as mmdebstrap writes it.
func rootTar(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	for _, hdr := range headers {
		data := strings.Repeat("x", int(hdr.Size))
		if err := tw.WriteHeader(&hdr); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(tw, data); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCleanBase(t *testing.T) {
	dir := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755} }
	reg := func(name string) tar.Header {
		return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: 3}
	}
	in := rootTar(t,
		dir("./"), dir("./dev/"), tar.Header{Name: "./dev/null", Typeflag: tar.TypeChar}, dir("./dev/pts/"),
		dir("./etc/"), reg("./etc/hostname"), reg("./etc/resolv.conf"), reg("./etc/passwd"), reg("./etc/passwd-"), reg("./etc/machine-id"),
		reg("./etc/apt/sources.list"), reg("./etc/apt/apt.conf.d/99mmdebstrap"), reg("./etc/apt/apt.conf.d/70debconf"),
		dir("./var/log/"), reg("./var/log/dpkg.log"), dir("./var/log/apt/"), dir("./var/cache/apt/"), reg("./var/cache/apt/pkgcache.bin"),
		reg("./var/cache/debconf/config.dat"), reg("./var/cache/debconf/config.dat-old"),
		reg("./var/lib/dpkg/status"), reg("./var/lib/dpkg/status-old"), reg("./devices"),
		tar.Header{Name: "./bin", Typeflag: tar.TypeSymlink, Linkname: "usr/bin"},
		tar.Header{Name: "./usr/bin/perl5", Typeflag: tar.TypeLink, Linkname: "./usr/bin/perl"},
		tar.Header{Name: "./usr/bin/cap", Typeflag: tar.TypeReg, Size: 3, Uname: "root", Gname: "root",
			PAXRecords: map[string]string{"SCHILY.xattr.security.capability": "caps"}},
		tar.Header{Name: "./usr/bin/pipe", Typeflag: tar.TypeFifo},
	)
	var out bytes.Buffer
	if err := cleanBase(&out, bytes.NewReader(in)); err != nil {
		t.Fatal(err)
	}
	var names []string
	for tr := tar.NewReader(&out); ; {
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, hdr.Name)
		if hdr.Name == "etc/machine-id" && hdr.Size != 0 {
			t.Error("machine-id is not empty")
		}
		if hdr.Name == "usr/bin/cap" && (hdr.PAXRecords["SCHILY.xattr.security.capability"] != "caps" || hdr.Uname != "") {
			t.Errorf("capabilities are lost or names kept: %+v", hdr)
		}
	}
	want := []string{"dev/", "etc/", "etc/passwd", "etc/machine-id", "etc/apt/apt.conf.d/70debconf", "var/log/", "var/cache/apt/",
		"var/cache/debconf/config.dat", "var/lib/dpkg/status", "devices", "bin", "usr/bin/perl5", "usr/bin/cap"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := cleanBase(io.Discard, bytes.NewReader(in[:700])); err == nil {
		t.Error("a truncated tar is taken")
	}
}

func TestBaseLayerNeedsNothingTwice(t *testing.T) {
	f := newFetcher(t, npmFrom(nil))
	s := lock.System{Packages: []lock.Deb{{Name: "libc6", Version: "2", Arch: "amd64", Size: 1, SHA256: strings.Repeat("a", 64)}}}
	layer, err := f.store.put(text("a layer"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want, err := f.store.image("base/sid", layer, amd64)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.store.setRef("base-"+s.Key(), want.Digest); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", "") // nothing can be run
	got, err := f.BaseLayer(t.Context(), s, "sid", amd64)
	if err != nil || got != want {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if got, err = f.makeBase(t.Context(), s, "base/sid", "sid", amd64); err != nil || got != want {
		t.Errorf("made again: %v, %v", got, err)
	}
}

func TestMissingPrograms(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	f := newFetcher(t, npmFrom(nil))
	_, err := f.BaseLayer(t.Context(), lock.System{}, "sid", hostPlatform())
	hints := map[string]string{}
	for _, f := range fault.All(err) {
		hints[f.What] = f.Hint
	}
	want := map[string]string{
		"cannot find apt-get, which makes a Debian base":    "on Debian or Ubuntu, run: apt-get install apt",
		"cannot find dpkg-deb, which makes a Debian base":   "on Debian or Ubuntu, run: apt-get install dpkg",
		"cannot find mmdebstrap, which makes a Debian base": "on Debian or Ubuntu, run: apt-get install mmdebstrap",
	}
	if diff := cmp.Diff(want, hints); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := f.ResolveBase(t.Context(), BaseSpec{Suite: "sid"}, amd64); len(fault.All(err)) != 2 {
		t.Errorf("resolving needs apt-get and dpkg-deb, and says %v", err)
	}
}

func TestForeignBase(t *testing.T) {
	f := newFetcher(t, npmFrom(nil))
	_, err := f.BaseLayer(t.Context(), lock.System{}, "sid", "linux/s390x")
	if err == nil || !strings.HasPrefix(err.Error(), "cannot make a base for linux/s390x on a "+hostPlatform()+" machine") {
		t.Errorf("got %v", err)
	}
	if _, err := f.ResolveBase(t.Context(), BaseSpec{Suite: "sid"}, "linux/s390x"); err == nil {
		t.Error("a base for linux/s390x is resolved")
	}
}

func TestUnknownSuite(t *testing.T) {
	needApt(t)
	_, err := newFetcher(t, npmFrom(nil)).ResolveBase(t.Context(), BaseSpec{Suite: "nosuchsuite"}, amd64)
	if err == nil || err.Error() != "cannot find Debian's nosuchsuite in apt's sources" {
		t.Errorf("got %v", err)
	}
}

func TestBootstrapCommand(t *testing.T) {
	s := lock.System{Packages: []lock.Deb{{Name: "a", Version: "1:2"}, {Name: "b", Version: "3"}}}
	root := bootstrapCommand("/d", s, "sid", "amd64", true)
	user := bootstrapCommand("/d", s, "sid", "amd64", false)
	if !root.isolated || user.isolated || root.args[0] != "--mode=root" || user.args[0] != "--mode=unshare" {
		t.Errorf("as root %+v, as user %+v", root, user)
	}
	for _, want := range []string{"--include=a=1:2,b=3", "--variant=custom", "sid", "deb [trusted=yes] copy:/d/repo ./"} {
		if !slices.Contains(root.args, want) {
			t.Errorf("%v has no %q", root.args, want)
		}
	}
	if !slices.Contains(root.env, "SOURCE_DATE_EPOCH=1577836800") || !slices.Contains(root.env, "TMPDIR=/d") {
		t.Errorf("the environment is %v", root.env)
	}
}

func TestBootstrapEvents(t *testing.T) {
	var got []string
	f := newFetcher(t, npmFrom(nil))
	f.progress = func(e Event) { got = append(got, e.String()) }
	for _, line := range []string{"I: extracting archives...", "I: using /tmp/x as tempdir", "W: odd", "done"} {
		f.bootstrapEvent("base sid", line)
	}
	if diff := cmp.Diff([]string{"base sid: extracting archives"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCommand(t *testing.T) {
	var said []string
	out, err := command{name: "sh", args: []string{"-c", "echo out; echo one >&2; printf two >&2; echo $X $HOME"}, env: []string{"X=x"},
		line: func(s string) { said = append(said, s) }}.run(t.Context())
	if err != nil || !strings.HasPrefix(out, "out\nx ") {
		t.Errorf("got %q, %v", out, err)
	}
	if diff := cmp.Diff([]string{"one"}, said[:1]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCommandFaults(t *testing.T) {
	for script, want := range map[string]string{
		"echo a >&2; echo b >&2; exit 3":                          "sh says: b",
		"echo E: first >&2; echo E: second >&2; echo x>&2; false": "sh says: first; second",
		"exit 7": "sh ended with exit status 7",
	} {
		_, err := command{name: "sh", args: []string{"-c", script}}.run(t.Context())
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", script, err, want)
		}
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			t.Errorf("%s: the exit status is lost", script)
		}
	}
	if _, err := (command{name: "no-such-program"}).run(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "no-such-program: ") {
		t.Errorf("got %v", err)
	}
}

func TestCommandEndsWithItsContext(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "mark")
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	start := time.Now()
	_, err := command{name: "sh", args: []string{"-c", "(sleep 30; touch " + mark + ") & echo $! > " + mark + ".pid; wait"}}.run(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 10*time.Second {
		t.Errorf("got %v after %v", err, time.Since(start))
	}
	pid, _ := os.ReadFile(mark + ".pid")
	if len(pid) > 0 && running(strings.TrimSpace(string(pid))) {
		t.Error("its child still runs")
	}
}

// running tells whether a process runs and is no zombie.
func running(pid string) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	return err == nil && !bytes.Contains(stat, []byte(") Z "))
}

// TestIsolatedCommand needs root: it must see no network and no process of
// this machine, and leave none.
func TestIsolatedCommand(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("this test needs root: run it as root")
	}
	script := "mount -t tmpfs none /mnt && ls -1 /sys/class/net >/dev/null; cat /proc/net/dev | tail -n +3 | grep -vc lo: ; echo $$; (setsid sleep 30 &) "
	out, err := command{name: "sh", args: []string{"-c", script}, isolated: true}.run(t.Context())
	if got := strings.Fields(out); err != nil || len(got) != 2 || got[0] != "0" || got[1] != "1" {
		t.Fatalf("got %q, %v; want no device but lo, and pid 1", out, err)
	}
	mounts, err := os.ReadFile("/proc/mounts")
	if err != nil || strings.Contains(string(mounts), " /mnt tmpfs") {
		t.Errorf("the mount is seen outside (%v)", err)
	}
}
