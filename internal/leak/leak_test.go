package leak

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const value = "s3cr3t-of-the-build"

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// layer unpacks files into a folder.
func layer(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			must(t, os.Symlink(target, path))
		} else {
			must(t, os.WriteFile(path, []byte(text), 0o600))
		}
	}
	return dir
}

func checker(t *testing.T, dir string, values map[string]string) *Checker {
	t.Helper()
	c, err := New(values, dir)
	must(t, err)
	return c
}

func TestLayers(t *testing.T) {
	outside := layer(t, map[string]string{"elsewhere": value})
	clean := layer(t, map[string]string{"etc/passwd": "root:x:0:0", "app/link": "-> " + filepath.Join(outside, "elsewhere")})
	bad := layer(t, map[string]string{
		"app/.env":                "TOKEN=" + value + "\n",
		"app/big.js":              strings.Repeat("// filler\n", 100_000) + base64.StdEncoding.EncodeToString([]byte("user:"+value)),
		"app/ok.js":               "nothing",
		"app/link":                "-> /run/" + value,
		"app/" + value + "/empty": "",
		"app/url":                 "https://example.com/?q=a%2Fb%20c%2Fd%20e",
	})
	must(t, os.Link(filepath.Join(bad, "app/.env"), filepath.Join(bad, "zz-same-file")))
	found, err := checker(t, t.TempDir(), map[string]string{"TOKEN": value, "PASS": "a/b c/d e", "OTHER": "not there at all"}).
		Layers(t.Context(), []Layer{{clean, "base"}, {bad, "pnpm build " + value}})
	must(t, err)
	const by = "pnpm build [redacted TOKEN]"
	want := []Leak{
		{"TOKEN", by, "/app/.env", "text"},
		{"TOKEN", by, "/app/[redacted TOKEN]", "name"},
		{"TOKEN", by, "/app/big.js", "text"},
		{"TOKEN", by, "/app/link", "target"},
		{"PASS", by, "/app/url", "text"},
	}
	if !reflect.DeepEqual(found, want) {
		t.Errorf("found\n%v\nwant\n%v", found, want)
	}
}

// What is known to be clean is not read again; anything that changes is.
func TestVerdicts(t *testing.T) {
	dir, values := t.TempDir(), map[string]string{"TOKEN": value}
	l := layer(t, map[string]string{"file": "clean"})
	reads := func(values map[string]string, dir string) bool {
		t.Helper()
		id, err := identify(l)
		must(t, err)
		c := checker(t, dir, values)
		known := c.verdicts.clean(id)
		_, err = c.Layers(t.Context(), []Layer{{l, "layer"}})
		must(t, err)
		return !known
	}
	if !reads(values, dir) || reads(values, dir) {
		t.Error("a layer is to be read once")
	}
	if !reads(map[string]string{"TOKEN": value + "2"}, dir) {
		t.Error("another secret is not looked for")
	}
	if reads(values, dir) {
		t.Error("the verdict on the secrets before is forgotten")
	}
	if !reads(values, t.TempDir()) {
		t.Error("another key knows the verdict")
	}
	must(t, os.WriteFile(filepath.Join(l, "new"), []byte(value), 0o600))
	for range 2 {
		found, err := checker(t, dir, values).Layers(t.Context(), []Layer{{l, "layer"}})
		must(t, err)
		if len(found) != 1 {
			t.Errorf("a layer that has changed has %v", found)
		}
	}
}

// Nothing of a secret can be told from what is remembered.
func TestVerdictsTellNothing(t *testing.T) {
	dir := t.TempDir()
	_, err := checker(t, dir, map[string]string{"TOKEN": value}).Layers(t.Context(), []Layer{{layer(t, nil), "layer"}})
	must(t, err)
	data, err := os.ReadFile(filepath.Join(dir, "clean"))
	must(t, err)
	if len(data) != 33 || bytes.Contains(data, []byte("TOKEN")) {
		t.Errorf("remembered: %q", data)
	}
	for _, name := range []string{"clean", "key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %s", name, info.Mode())
		}
	}
}

func TestVerdictsAreBounded(t *testing.T) {
	dir := t.TempDir()
	var text strings.Builder
	for i := range most + 5 {
		fmt.Fprintf(&text, "%032x\n", i)
	}
	must(t, os.WriteFile(filepath.Join(dir, "clean"), []byte(text.String()), 0o600))
	_, err := checker(t, dir, map[string]string{"TOKEN": value}).Layers(t.Context(), []Layer{{layer(t, nil), "layer"}})
	must(t, err)
	data, err := os.ReadFile(filepath.Join(dir, "clean"))
	must(t, err)
	if n := bytes.Count(data, []byte("\n")); n != most {
		t.Errorf("%d verdicts are kept", n)
	}
}

func TestNoSecretsNoWork(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	found, err := checker(t, dir, map[string]string{"SHORT": "abc"}).Layers(t.Context(), []Layer{{"/nowhere", "gone"}})
	if found != nil || err != nil {
		t.Errorf("found %v, %v", found, err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a folder was made for nothing")
	}
	if _, err := checker(t, dir, map[string]string{"TOKEN": value}).Layers(t.Context(), []Layer{{"/nowhere", "gone"}}); err == nil {
		t.Error("a layer that is not there is clean")
	}
}

func TestArchive(t *testing.T) {
	var image bytes.Buffer
	w := tar.NewWriter(&image)
	for name, text := range map[string]string{
		"index.json":        `{"manifests":[]}`,
		"blobs/sha256/conf": `{"history":[{"created_by":"RUN echo ` + value + `"}]}`,
		"blobs/sha256/tar":  "not JSON " + value,
		"empty":             "",
	} {
		must(t, w.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Mode: 0o644}))
		_, err := w.Write([]byte(text))
		must(t, err)
	}
	must(t, w.Close())
	c := checker(t, t.TempDir(), map[string]string{"TOKEN": value})
	found, err := c.Archive(bytes.NewReader(image.Bytes()))
	must(t, err)
	want := []Leak{{"TOKEN", "the image's own documents", "blobs/sha256/conf", "text"}}
	if !reflect.DeepEqual(found, want) {
		t.Errorf("found %v, want %v", found, want)
	}
	if _, err := c.Archive(bytes.NewReader(image.Bytes()[:300])); err == nil {
		t.Error("half an image is clean")
	}
}
