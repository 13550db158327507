package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/sandwright/sandwright/internal/dockerhost/dockertest"
	"github.com/sandwright/sandwright/internal/evidence/evidencetest"
)

// A shipment is a small project that is really built: busybox for its base, and
// a node and a pnpm that are scripts. What it makes goes to a registry.
type shipment struct {
	*signedProject
	env      []string
	registry string // host of Debian's docker-registry
}

func newShipment(t *testing.T, more string) *shipment {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("cannot build: this test needs root")
	}
	s := &shipment{signedProject: newSignedProject(t), registry: dockertest.Registry(t, "", "")}
	must(t, os.RemoveAll(filepath.Join(s.dir, "base")))
	busyboxLayout(t, filepath.Join(s.dir, "base"))
	for _, arch := range []string{"x64", "arm64"} {
		pkg := "node-linux-" + arch
		s.signedProject.registry.answers["/"+pkg] = map[string]any{"versions": map[string]any{"22.23.3": map[string]any{
			"name": pkg, "version": "22.23.3", "bin": map[string]any{"node": "cli.sh"},
			"dist": map[string]any{"tarball": s.signedProject.registry.URL + "/" + pkg + ".tgz", "integrity": evidencetest.Integrity(s.signedProject.registry.tarball)},
		}}}
	}
	for file, text := range map[string]string{
		".gitignore": ".*\nbase\nsandwright.lock\n", "app.sh": "#!/bin/sh\necho app\n",
		"package.json":   `{"name": "demo", "packageManager": "pnpm@10.28.0", "scripts": {"start": "sh app.sh"}}`,
		"pnpm-lock.yaml": "lockfileVersion: '9.0'\nimporters: {.: {}}\npackages:\n  left-pad@1.3.0:\n    resolution: {integrity: sha512-XI5MPzVNApjAyhQzphX8BkmKsKUxD4LdyK24iZeQGinBN9yTQT3bFlCBy/aVx2HrNcqQGsdot8ghrjyrvMCoEA==}\n",
		"sandwright.yaml": "name: demo\nbase: {layout: base}\nplatforms: [linux/amd64, linux/arm64]\nworkspace: {build: [{run: echo built > built}]}\n" +
			"tools:\n  node: {npm: \"node-linux-{arch}@22.23.3\"}\n  pnpm: {npm: pnpm@10.28.0}\n" + strings.ReplaceAll(more, "REGISTRY", s.registry),
	} {
		s.write(file, text)
	}
	git := exec.Command("git", "init", "-q", s.dir)
	must(t, git.Run())
	s.lock(true, nil, "is written")
	return s
}

// run is the project's, with variables of its own.
func (s *shipment) run(args ...string) (out, errs string, code int) {
	s.t.Helper()
	return s.runIn(s.t.Context(), args...)
}

// downAtEnd ends the sandbox with the test, whose context has ended by then.
func (s *shipment) downAtEnd() {
	s.t.Cleanup(func() {
		if out, errs, code := s.runIn(context.Background(), "down"); code != 0 {
			s.t.Errorf("down: %d\n%s%s", code, out, errs)
		}
	})
}

func (s *shipment) runIn(ctx context.Context, args ...string) (out, errs string, code int) {
	s.t.Helper()
	cmd := exec.CommandContext(ctx, filepath.Join(binDir, "sandwright"), args...)
	cmd.Dir = s.dir
	cmd.Env = append(append(os.Environ(), "npm_config_registry="+s.signedProject.registry.URL, "SANDWRIGHT_HOME="+filepath.Join(s.dir, ".home"), "HOME="+s.dir, "NO_COLOR=1"), s.env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // its code is looked at
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// good wants a command to succeed, and reads its JSON into v.
func (s *shipment) good(v any, args ...string) {
	s.t.Helper()
	out, errs, code := s.run(append(args, "--json")...)
	if code != 0 {
		s.t.Fatalf("%v: %d\n%s%s", args, code, out, tail(errs))
	}
	if err := json.Unmarshal([]byte(out), v); err != nil {
		s.t.Fatalf("%v: %v in %s", args, err, out)
	}
}

// bad wants a command to fail with a code, and each text in what it says.
func (s *shipment) bad(code int, args []string, want ...string) {
	s.t.Helper()
	out, errs, got := s.run(args...)
	if got != code {
		s.t.Errorf("%v ended with %d:\n%s%s", args, got, out, tail(errs))
	}
	for _, text := range want {
		if !strings.Contains(errs, text) {
			s.t.Errorf("%v does not say %q:\n%s", args, text, tail(errs))
		}
	}
}

// tags lists what a repository of the registry has.
func (s *shipment) tags(repository string) []string {
	s.t.Helper()
	repo, err := name.NewRepository(s.registry + "/" + repository)
	must(s.t, err)
	tags, _ := remote.List(repo) // an unknown repository has none
	return tags
}

func (s *shipment) reference(ref string) name.Reference {
	s.t.Helper()
	parsed, err := name.ParseReference(s.registry + "/" + ref)
	must(s.t, err)
	return parsed
}

// busyboxLayout writes a base of busybox for both platforms. What says it is
// for arm64 runs here no more than real programs of arm64 would have to.
func busyboxLayout(t *testing.T, dir string) {
	t.Helper()
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Fatalf("cannot find a static shell: %v; run: apt-get install busybox-static", err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(h tar.Header, data []byte) {
		h.Size = int64(len(data))
		must(t, w.WriteHeader(&h))
		_, err := w.Write(data)
		must(t, err)
	}
	for _, dir := range []string{"bin/", "etc/", "tmp/", "home/"} {
		add(tar.Header{Name: dir, Mode: 0o755, Typeflag: tar.TypeDir}, nil)
	}
	add(tar.Header{Name: "bin/busybox", Mode: 0o755, Typeflag: tar.TypeReg}, busybox)
	for _, applet := range []string{"sh", "mkdir", "chown", "tail", "head", "tr", "sed", "sort", "grep", "cat"} {
		add(tar.Header{Name: "bin/" + applet, Linkname: "busybox", Typeflag: tar.TypeSymlink}, nil)
	}
	for _, file := range []string{"passwd", "group", "shadow"} {
		add(tar.Header{Name: "etc/" + file, Mode: 0o644, Typeflag: tar.TypeReg}, []byte("root:x:0:0::/root:/bin/sh\n"))
	}
	must(t, w.Close())
	index := v1.ImageIndex(empty.Index)
	for _, arch := range []string{"amd64", "arm64"} {
		img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: arch})
		must(t, err)
		img, err = mutate.AppendLayers(img, static.NewLayer(b.Bytes(), types.OCIUncompressedLayer))
		must(t, err)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	_, err = layout.Write(dir, index)
	must(t, err)
}

// A madeImage is what build --json prints.
type madeImage struct {
	Image, Digest           string
	Written, Pushed, Loaded []string
	Steps                   []struct {
		Name   string
		Cached bool
	}
}

// streams wants an image on the standard output, and all that is said elsewhere.
func (s *shipment) streams() {
	s.t.Helper()
	out, errs, code := s.run("build", "-o", "tar:-")
	if code != 0 || !strings.Contains(errs, "built sha256:") {
		s.t.Fatalf("%d, %d bytes, %s", code, len(out), tail(errs))
	}
	names := map[string]bool{}
	for files := tar.NewReader(strings.NewReader(out)); ; {
		h, err := files.Next()
		if err == io.EOF {
			break
		}
		must(s.t, err)
		names[h.Name] = true
	}
	if !names["home/sandwright/src/demo/built"] {
		s.t.Errorf("the tar has %d files, and not the one that was built", len(names))
	}
	s.bad(2, []string{"build", "-o", "-", "-o", "tar:-"}, "cannot write two outputs to the standard output")
}

// TestBuildShips: one build goes to a registry under two names, with all that is
// said beside the files, and into a folder.
func TestBuildShips(t *testing.T) {
	s := newShipment(t, "image: {labels: {team: platform}, annotations: {who: we}}\n")
	var made madeImage
	s.good(&made, "build", "--push", s.registry+"/team/app:v1", "--tag", "latest", "--label", "from=flag", "--sbom", "--provenance", "max", "-o", "type=dir,dest=.files")
	if len(made.Pushed) != 2 || !strings.HasPrefix(made.Digest, "sha256:") {
		t.Fatalf("%+v", made)
	}
	data, err := os.ReadFile(filepath.Join(s.dir, ".files/home/sandwright/src/demo/built"))
	if err != nil || string(data) != "built\n" {
		t.Errorf("the folder has %q, %v", data, err)
	}
	s.streams()
	for _, tag := range []string{"v1", "latest"} {
		index, err := remote.Index(s.reference("team/app:" + tag))
		must(t, err)
		if digest, err := index.Digest(); err != nil || digest.String() != made.Digest {
			t.Errorf("%s is %s, not %s: %v", tag, digest, made.Digest, err)
		}
		manifest, err := index.IndexManifest()
		must(t, err)
		if len(manifest.Manifests) != 2 || manifest.Annotations["who"] != "we" {
			t.Fatalf("the index is %+v", manifest)
		}
	}
	img, err := remote.Image(s.reference("team/app:v1"), remote.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH}))
	must(t, err)
	config, err := img.ConfigFile()
	must(t, err)
	if l := config.Config.Labels; l["team"] != "platform" || l["from"] != "flag" || config.Config.Entrypoint[0] != "/usr/local/bin/sandwright-init" {
		t.Errorf("config %+v", config.Config)
	}
	said := attestations(t, s.reference("team/app:v1"))
	for _, want := range []string{`pkg:npm/left-pad@1.3.0`, `pkg:npm/node-linux-`, `"predicateType": "https://slsa.dev/provenance/v1"`, "echo built"} {
		if !strings.Contains(strings.ReplaceAll(said, `":"`, `": "`), want) {
			t.Errorf("the attestations do not say %s:\n%s", want, said)
		}
	}
	if emulators, _ := filepath.Glob("/proc/sys/fs/binfmt_misc/qemu-*"); len(emulators) == 0 {
		s.bad(1, []string{"build", "--platform", foreign()}, "cannot build for "+foreign()+" on this linux/"+runtime.GOARCH+" machine, which cannot run its programs: "+
			"the install of the workspace, the build step echo built > built would run some", "qemu-user-static")
	}
	s.whyAgainst("team/app", made.Digest)
	s.env = []string{"DOCKER_HOST=unix://" + filepath.Join(s.dir, ".nobody")}
	s.bad(1, []string{"build", "--load"}, "cannot load the image into the Docker engine at "+filepath.Join(s.dir, ".nobody"))
	t.Run("loaded into Docker", func(t *testing.T) {
		d := newDocker(t)
		s.env = []string{"DOCKER_HOST=" + d.socket}
		s.good(&made, "build", "--load", "--tag", "shipped:dev")
		out, err := d.command(t.Context(), "image", "inspect", "--format", "{{.Config.Entrypoint}} {{.Config.Labels.team}}", "shipped:dev").CombinedOutput()
		if err != nil || string(out) != "[/usr/local/bin/sandwright-init] platform\n" || len(made.Loaded) != 1 {
			t.Errorf("%v: %s%+v", err, out, made)
		}
	})
}

// whyAgainst compares with what is in the registry, and not with the last build.
func (s *shipment) whyAgainst(image, digest string) {
	s.t.Helper()
	s.write("app.sh", "#!/bin/sh\necho other\n")
	s.good(&madeImage{}, "build")
	place := s.registry + "/" + image
	for _, tt := range []struct {
		args []string
		want bool // the source is made again
	}{{nil, false}, {[]string{"--against", place + ":v1"}, true}, {[]string{"--against", "http://" + place + "@" + digest}, true}} {
		var answer struct{ Layers []reason }
		s.good(&answer, append([]string{"why"}, tt.args...)...)
		again := map[string]bool{}
		for _, l := range answer.Layers {
			again[l.Layer] = l.Rebuilt
		}
		if again["source what differs from the commit"] != tt.want || again["install"] || again["base"] {
			s.t.Errorf("%q: %+v", tt.args, answer.Layers)
		}
	}
	s.bad(1, []string{"why", "--against", place + ":none"}, "cannot fetch image "+place+":none, which --against asks for: the registry answers Not Found", "hint:")
	s.bad(2, []string{"why", "--against", "nonsense"}, "it is neither HOST/NAME:TAG, oci:FILE, docker:FILE nor sandbox:NAME")
	bare, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: runtime.GOARCH})
	must(s.t, err)
	must(s.t, remote.Write(s.reference("bare:v1"), bare))
	s.bad(1, []string{"why", "--against", s.registry + "/bare:v1"}, "cannot read the receipt of "+s.registry+"/bare:v1: it has none")
}

// foreign is a platform that this machine is not of.
func foreign() string {
	if runtime.GOARCH == "amd64" {
		return "linux/arm64"
	}
	return "linux/amd64"
}

// TestStepsThatLackSomething: an input that nothing matches is said before
// anything is built, and an output that is not there with its place in the file.
func TestStepsThatLackSomething(t *testing.T) {
	s := newShipment(t, "")
	yaml := strings.Replace(yamlOf(t, s), "[{run: echo built > built}]", "[{run: mkdir -p out && echo a > out/a, inputs: [%s], outputs: [out/a%s]}]", 1)
	s.write("sandwright.yaml", fmt.Sprintf(yaml, "app.sh, nothing/*", ""))
	s.bad(78, []string{"build"}, "sandwright.yaml:", "cannot find the input nothing/*: no staged file is there", "run: sandwright stage")
	s.write("sandwright.yaml", fmt.Sprintf(yaml, "app.sh", ", out/b"))
	for range 2 { // and no failure is remembered as success
		s.bad(78, []string{"build"}, "sandwright.yaml:4:", "cannot find the output out/b: the step has not left it", "name what the step writes: mkdir -p out && echo a > out/a")
	}
	s.write("sandwright.yaml", fmt.Sprintf(yaml, "app.sh", ""))
	s.good(&madeImage{}, "build", "-o", "type=dir,dest=.files")
	if data, err := os.ReadFile(filepath.Join(s.dir, ".files/home/sandwright/src/demo/out/a")); err != nil || string(data) != "a\n" {
		t.Errorf("%q, %v", data, err)
	}
	var answer struct{ Layers []reason }
	s.write("package.json", `{"name": "demo", "packageManager": "pnpm@10.28.0", "scripts": {"start": "sh other.sh"}}`)
	s.good(&answer, "why")
	for _, l := range answer.Layers {
		if l.Layer == "build 1" && l.Rebuilt {
			t.Errorf("a step that does not read package.json is made again: %+v", l)
		}
	}
	s.write("app.sh", "#!/bin/sh\necho other\n")
	s.good(&answer, "why")
	if i := slices.IndexFunc(answer.Layers, func(l reason) bool { return l.Layer == "build 1" }); i < 0 || !answer.Layers[i].Rebuilt {
		t.Errorf("a step that reads app.sh: %+v", answer.Layers)
	}
}

// TestWhoSignsForSteps: a step asks for an agent by name, which a key is enough for.
func TestWhoSignsForSteps(t *testing.T) {
	s := newShipment(t, "")
	s.write("sandwright.yaml", strings.Replace(yamlOf(t, s), "{run: echo built > built}", "{run: '[ -S $SSH_AUTH_SOCK ] && echo signed > built', network: true, ssh: deploy}", 1))
	s.bad(78, []string{"build"}, "sandwright.yaml:4:", "cannot give the SSH agent deploy to a build step: no --ssh says which that is", "give --ssh deploy=")
	key := filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("cannot make a key: %v\n%s; run: apt-get install openssh-client", err, out)
	}
	s.bad(1, []string{"build", "--ssh", "deploy=" + key + ".pub"}, "cannot use the SSH key "+key+".pub: it is the public half", "give "+key)
	s.good(&madeImage{}, "build", "--ssh", "deploy="+key, "-o", "type=dir,dest=.files")
	if data, err := os.ReadFile(filepath.Join(s.dir, ".files/home/sandwright/src/demo/built")); err != nil || string(data) != "signed\n" {
		t.Errorf("%q, %v", data, err)
	}
}

// commit commits all of the project.
func (s *shipment) commit() {
	s.t.Helper()
	cmd := exec.Command("sh", "-ec", "git add . && git -c user.name=t -c user.email=t@example.com commit -qm one")
	cmd.Dir = s.dir
	must(s.t, cmd.Run())
}

// TestASecretInALayerIsForgotten: the layers of the source that an image was
// refused with are not taken again.
func TestASecretInALayerIsForgotten(t *testing.T) {
	s := newShipment(t, "env: {TOKEN: {secret: true, scope: build}}\n")
	yaml := strings.Replace(yamlOf(t, s), "{run: echo built > built}", "{run: '%s', env: [TOKEN]}", 1)
	s.write("sandwright.yaml", fmt.Sprintf(yaml, "echo built > built"))
	s.commit()
	s.env = []string{"TOKEN=w8-zP3/sesame+open"}
	memories := func() []string {
		found, err := filepath.Glob(filepath.Join(s.dir, ".home/source/*"))
		must(t, err)
		return found
	}
	s.good(&madeImage{}, "build")
	if len(memories()) != 1 {
		t.Fatalf("remembered are %q", memories())
	}
	s.write("sandwright.yaml", fmt.Sprintf(yaml, "echo $TOKEN > built"))
	s.bad(1, []string{"build"}, "the value of TOKEN stands in the text of /home/sandwright/src/demo/built")
	if len(memories()) > 0 {
		t.Errorf("still remembered are %q", memories())
	}
}

// TestBuildForAnotherPlatform: what has no install and no step is put together
// for a platform whose programs cannot run here, and pushed as one index.
func TestBuildForAnotherPlatform(t *testing.T) {
	s := newShipment(t, "")
	must(t, os.Remove(filepath.Join(s.dir, "package.json")))
	must(t, os.Remove(filepath.Join(s.dir, "pnpm-lock.yaml")))
	s.write("sandwright.yaml", "name: demo\nbase: {layout: base}\nplatforms: [linux/amd64, linux/arm64]\ntools: {node: {npm: \"node-linux-{arch}@22.23.3\"}}\n")
	s.lock(true, nil, "is written")
	var made madeImage
	s.good(&made, "build", "--platform", "linux/amd64,linux/arm64", "--push", s.registry+"/app:both")
	for _, arch := range []string{"amd64", "arm64"} {
		img, err := remote.Image(s.reference("app@"+made.Digest), remote.WithPlatform(v1.Platform{OS: "linux", Architecture: arch}))
		must(t, err)
		config, err := img.ConfigFile()
		must(t, err)
		if config.Architecture != arch {
			t.Errorf("the image for %s is for %s", arch, config.Architecture)
		}
		files := mutate.Extract(img)
		found := map[string]string{}
		for r := tar.NewReader(files); ; {
			h, err := r.Next()
			if err != nil {
				break
			}
			data, err := io.ReadAll(r)
			must(t, err)
			found[h.Name] = string(data)
		}
		must(t, files.Close())
		if !strings.Contains(found["etc/passwd"], "sandwright:x:1000:1000::/home/sandwright:") || found["home/sandwright/src/demo/app.sh"] == "" || found["usr/local/bin/sandwright-init"] == "" {
			t.Errorf("%s: the user is %q, and of %d files some are missing", arch, found["etc/passwd"], len(found))
		}
	}
}

// attestations are the statements beside an image, one after another.
func attestations(t *testing.T, ref name.Reference) string {
	t.Helper()
	index, err := remote.Index(ref)
	must(t, err)
	manifest, err := index.IndexManifest()
	must(t, err)
	img, err := index.Image(manifest.Manifests[len(manifest.Manifests)-1].Digest)
	must(t, err)
	layers, err := img.Layers()
	must(t, err)
	var all strings.Builder
	for _, l := range layers {
		rc, err := l.Uncompressed()
		must(t, err)
		_, err = io.Copy(&all, rc)
		must(t, err)
		must(t, rc.Close())
	}
	return all.String()
}

// TestImagesAreReproducible: another path, another store, another umask and
// other times give the same bytes, in a file as in a registry.
func TestImagesAreReproducible(t *testing.T) {
	one := newShipment(t, "")
	dir := t.TempDir()
	two := &shipment{signedProject: &signedProject{t, filepath.Join(dir, "a", "longer path"), one.signedProject.registry}, registry: one.registry}
	must(t, copyProject(one.dir, two.dir))
	var pushed, written madeImage
	one.good(&pushed, "build", "--push", one.registry+"/one:v1")
	two.good(&written, "build", "-o", ".image.tar")
	img, err := remote.Image(one.reference("one:v1"))
	must(t, err)
	digest, err := img.Digest()
	if err != nil || pushed.Image != written.Image || pushed.Digest != written.Digest || digest.String() != pushed.Digest {
		t.Errorf("the registry has %s, %v\npushed  %+v\nwritten %+v", digest, err, pushed, written)
	}
}

// copyProject copies what is no store, with a narrow umask and times of today.
func copyProject(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(from, path)
		if err != nil || relErr != nil {
			return err
		}
		if d.IsDir() && d.Name() == ".home" {
			return fs.SkipDir
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		mode := os.FileMode(0o640)
		if info, err := d.Info(); err == nil && info.Mode()&0o100 != 0 {
			mode = 0o750
		}
		target := filepath.Join(to, rel)
		if err := os.WriteFile(target, data, mode); err != nil {
			return err
		}
		return os.Chtimes(target, time.Time{}, time.Date(2001, 2, 3, 4, 5, 6, 7, time.UTC))
	})
}

func yamlOf(t *testing.T, s *shipment) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, "sandwright.yaml"))
	must(t, err)
	return string(data)
}
