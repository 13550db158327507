package engine

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	puller "github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/moby/buildkit/client/llb"

	"github.com/sandwright/sandwright/internal/buildcache"
	"github.com/sandwright/sandwright/internal/stage"
)

// caches gives what text says to a request, for one branch of a project.
func caches(t *testing.T, r Request, text string, s buildcache.Scope) Request {
	t.Helper()
	e, err := buildcache.Parse(text)
	must(t, err)
	r.CacheFrom, r.CacheTo = s.Imports(e), []buildcache.Entry{s.Export(e)}
	return r
}

func scopeOf(project, branch string) buildcache.Scope {
	return buildcache.Scope{Project: project, Platform: "linux/amd64", Branch: branch, Default: "main"}
}

// rebuilt lists the steps that were no hits.
func rebuilt(steps []Step) (names []string) {
	for _, s := range steps {
		if !s.source && !s.Cached {
			names = append(names, s.Name)
		}
	}
	return names
}

// repositoryOf makes a repository that one commit is in.
func repositoryOf(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "origin")
	shell(t, `git init -q -b main "$1" && cd "$1" && mkdir -p apps/web && echo '{}' > package.json &&
		echo 'console.log(1)' > apps/web/main.js && ln -s main.js apps/web/link && echo '#!/bin/sh' > apps/web/run && chmod 755 apps/web/run &&
		git add . && git -c user.name=t -c user.email=t@example.com commit -qm one`, dir)
	return dir
}

func shell(t *testing.T, script string, args ...string) {
	t.Helper()
	out, err := exec.Command("sh", append([]string{"-euc", script, "sh"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// staged makes a clone the source of r.
func staged(t *testing.T, r Request, dir string) Request {
	t.Helper()
	tree, err := stage.Open(t.Context(), dir, stage.Options{UID: 1000, GID: 1000})
	must(t, err)
	t.Cleanup(func() { tree.Close() })
	r.Trees["source"] = tree.FS()
	return r
}

// TestTheSecondMachineBuildsNothing: two engines with stores of their own and a
// registry between them. The second has a clone with another umask, other times
// and another path, and all its steps are hits.
func TestTheSecondMachineBuildsNothing(t *testing.T) {
	registry := startRegistry(t, false)
	where := registry.host + "/team/cache"
	origin := repositoryOf(t)
	tools := map[string]string{"node": script("22"), "claude": script("2.1")}

	one := t.TempDir()
	first := open(t, one, io.Discard)
	r := caches(t, staged(t, newShop(t, filepath.Join(one, "layout")).request(t, tools), origin), where, scopeOf("demo", "main"))
	res, err := first.Solve(t.Context(), r)
	must(t, err)
	if len(rebuilt(res.Steps)) == 0 || len(res.Notices) != 1 || !strings.HasSuffix(res.Notices[0], " is not there yet") {
		t.Errorf("the first build: rebuilt %q, notices %q", rebuilt(res.Steps), res.Notices)
	}
	before := manifestOf(t, registry, r.CacheTo[0])

	two := t.TempDir()
	var log bytes.Buffer
	second := open(t, two, &log)
	clone := filepath.Join(t.TempDir(), "a clone elsewhere")
	shell(t, `umask 077; git clone -q "$1" "$2"; find "$2" -exec touch -h -d 2001-02-03 {} +`, origin, clone)
	r = caches(t, staged(t, newShop(t, filepath.Join(two, "layout")).request(t, tools), clone), where, scopeOf("demo", "feature"))
	res, err = second.Solve(t.Context(), r)
	must(t, err)
	if again := rebuilt(res.Steps); len(again) > 0 {
		t.Errorf("the second machine built %q\n%s", again, log.String())
	}
	if got := readIn(t, res, "home/dev/app/built"); got != "22\n" {
		t.Errorf("built is %q", got)
	}
	if a, b := imageDigest(t, first, r), imageDigest(t, second, r); a != b {
		t.Errorf("the first machine's image is %s, and the second's %s", a, b)
	}
	// A new branch has no cache yet, takes that of main, and writes none: it
	// would have nothing of its own.
	if len(res.Notices) != 1 || !strings.Contains(res.Notices[0], "feature") {
		t.Errorf("notices %q", res.Notices)
	}
	if tags := tagsOf(t, registry, "team/cache"); len(tags) != 1 || !bytes.Equal(before, manifestOf(t, registry, buildcache.Entry{Type: "registry", Attrs: map[string]string{"ref": where + ":" + tags[0]}})) {
		t.Errorf("the registry has %q", tags)
	}
}

// imageDigest writes an image and gives its digest.
func imageDigest(t *testing.T, e *Engine, r Request) string {
	t.Helper()
	digest, err := e.Export(t.Context(), r, Export{Images: []Image{imageOf(r)}, Outputs: []Output{{Kind: OCI, Path: filepath.Join(t.TempDir(), "image.tar")}}})
	must(t, err)
	return digest
}

func manifestOf(t *testing.T, r testRegistry, e buildcache.Entry) []byte {
	t.Helper()
	ref, err := name.ParseReference(e.Attrs["ref"])
	must(t, err)
	got, err := puller.Get(ref, puller.WithAuth(r.auth))
	must(t, err)
	return got.Manifest
}

func tagsOf(t *testing.T, r testRegistry, repo string) []string {
	t.Helper()
	ref, err := name.NewRepository(r.host + "/" + repo)
	must(t, err)
	tags, err := puller.List(ref, puller.WithAuth(r.auth))
	must(t, err)
	return tags
}

// TestTwoProjectsOneRegistry: neither takes the other's cache from it.
func TestTwoProjectsOneRegistry(t *testing.T) {
	registry := startRegistry(t, false)
	for _, project := range []string{"one", "two"} {
		_, err := open(t, t.TempDir(), io.Discard).Solve(t.Context(), caches(t, request(t, "echo "+project+" > /p"), registry.host+"/cache", scopeOf(project, "main")))
		must(t, err)
	}
	for _, project := range []string{"one", "two"} {
		res, err := open(t, t.TempDir(), io.Discard).Solve(t.Context(), caches(t, request(t, "echo "+project+" > /p"), registry.host+"/cache", scopeOf(project, "main")))
		must(t, err)
		if again := rebuilt(res.Steps); len(again) > 0 {
			t.Errorf("%s built %q", project, again)
		}
	}
	if tags := tagsOf(t, registry, "cache"); len(tags) != 2 {
		t.Errorf("the registry has %q", tags)
	}
}

// TestACacheInTheImage: what is pushed carries it, and another machine that reads
// it from there builds nothing.
func TestACacheInTheImage(t *testing.T) {
	registry := startRegistry(t, false)
	run := "echo in the image > /carried"
	e, r := open(t, t.TempDir(), io.Discard), request(t, run)
	r.CacheTo = []buildcache.Entry{{Type: buildcache.Inline}}
	_, err := e.Solve(t.Context(), r)
	must(t, err)
	image := registry.host + "/team/app:one"
	_, err = e.Export(t.Context(), r, Export{Images: []Image{imageOf(r)}, Outputs: []Output{{Kind: Push, Names: []string{image}}}})
	must(t, err)
	from, err := buildcache.Parse(image)
	must(t, err)
	for _, given := range []bool{true, false} {
		r := request(t, run)
		if given {
			r.CacheFrom = []buildcache.Entry{from}
		}
		res, err := open(t, t.TempDir(), io.Discard).Solve(t.Context(), r)
		must(t, err)
		if got := cached(res, run); got != given {
			t.Errorf("with the cache: %t, the step was a hit: %t; notices %q", given, got, res.Notices)
		}
		if got := readIn(t, res, "carried"); got != "in the image\n" {
			t.Errorf("it has %q", got)
		}
	}
}

// TestACacheInAFolder also travels without a registry; and what a cache mount
// holds never does: it is in no file of the cache, and the second machine's is
// empty.
func TestACacheInAFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	kept := func(run string) Request {
		r := request(t, run)
		def, err := llb.Scratch().File(llb.Copy(llb.Local("base"), "/", "/")).Run(llb.Args([]string{"/bin/sh", "-ec", run}), llb.Network(llb.NetModeNone),
			llb.AddMount("/kept", llb.Scratch(), llb.AsPersistentCacheDir("kept", llb.CacheMountShared))).Root().Marshal(t.Context(), llb.LinuxAmd64)
		must(t, err)
		r.Definition = def
		return r
	}
	for i, want := range []bool{false, true} {
		e := open(t, t.TempDir(), io.Discard)
		res, err := e.Solve(t.Context(), caches(t, kept("echo folder > /folder; echo in the mount > /kept/mounted"), "type=local,dest="+dir, scopeOf("demo", "main")))
		must(t, err)
		if (len(rebuilt(res.Steps)) == 0) != want || len(res.Notices) != 1-i {
			t.Errorf("build %d: rebuilt %q, notices %q", i, rebuilt(res.Steps), res.Notices)
		}
		readIn(t, res, "folder")
		res, err = e.Solve(t.Context(), kept("for f in /kept/*; do echo $f; done > /listed"))
		must(t, err)
		if got := readIn(t, res, "listed"); got != [2]string{"/kept/mounted\n", "/kept/*\n"}[i] {
			t.Errorf("the mount of machine %d has %q", i, got)
		}
	}
	all := unzippedBelow(t, dir)
	if !strings.Contains(all, "folder\n") || strings.Contains(all, "in the mount\n") {
		t.Errorf("the cache has %d bytes, of the layer: %t, of the mount: %t", len(all), strings.Contains(all, "folder\n"), strings.Contains(all, "in the mount\n"))
	}
}

// unzippedBelow is the text of all files below a folder, those that are gzip
// unpacked.
func unzippedBelow(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if z, zipErr := gzip.NewReader(bytes.NewReader(data)); zipErr == nil {
			data, err = io.ReadAll(z)
		}
		all.Write(data)
		return err
	}))
	return all.String()
}

// TestACacheThatCannotBeReached is no reason not to build, but to say so; and
// one that cannot be written is a fault.
func TestACacheThatCannotBeReached(t *testing.T) {
	dead := listen(t, "tcp", "127.0.0.1:0")
	dead.Close()
	r := caches(t, request(t, "echo alone > /alone"), dead.Addr().String()+"/cache", scopeOf("demo", "main"))
	to := r.CacheTo
	r.CacheTo = nil
	e := open(t, t.TempDir(), io.Discard)
	res, err := e.Solve(t.Context(), r)
	must(t, err)
	if len(res.Notices) != 1 || !strings.Contains(res.Notices[0], "cannot be read: ") || !strings.Contains(res.Notices[0], "connection refused") {
		t.Errorf("notices %q", res.Notices)
	}
	r = request(t, "echo another > /another")
	r.CacheTo = to
	if _, err := e.Solve(t.Context(), r); err == nil || !strings.Contains(err.Error(), "cannot write the cache "+to[0].String()) {
		t.Errorf("got %v", err)
	}
}

func TestTheEmbeddedEngineHasNoS3(t *testing.T) {
	r := caches(t, request(t, "true"), "type=s3,bucket=b,region=r", scopeOf("demo", "main"))
	_, err := open(t, t.TempDir(), io.Discard).Solve(t.Context(), r)
	if err == nil || !strings.Contains(err.Error(), "the embedded engine has no client of S3") {
		t.Errorf("got %v", err)
	}
	if err := checkCaches(r, Builder{Address: "tcp://builder:1"}); err != nil {
		t.Errorf("a builder elsewhere: %v", err)
	}
}

// TestTheCacheOfARemote: a buildkitd reads and writes the cache itself.
func TestTheCacheOfARemote(t *testing.T) {
	registry := startRegistry(t, false)
	for _, want := range []bool{false, true} {
		socket := filepath.Join(t.TempDir(), "buildkitd.sock")
		serveOn(t, t.TempDir(), listen(t, "unix", socket), nil)
		e := openAt(t, t.TempDir(), Builder{Address: "unix://" + socket}, io.Discard)
		res, err := e.Solve(t.Context(), caches(t, request(t, "echo both > /both"), registry.host+"/cache", scopeOf("demo", "main")))
		must(t, err)
		if (len(rebuilt(res.Steps)) == 0) != want {
			t.Errorf("rebuilt %q", rebuilt(res.Steps))
		}
	}
}
