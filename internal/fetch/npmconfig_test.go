package fetch

import (
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseNPMRC(t *testing.T) {
	vars := map[string]string{"TOKEN": "t0k", "HOST": "h"}
	lookup := func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
	for text, want := range map[string]map[string]string{
		"":                                   {},
		"# no\n; no\n[section]\n":            {},
		"registry=http://r/\n":               {"registry": "http://r/"},
		"  a = b  \r\nflag\n":                {"a": "b", "flag": "true"},
		"a=\"b c\"\nd='e f'\ng=\"broken\\\"": {"a": "b c", "d": "e f", "g": "\"broken\\\""},
		"//h/:_authToken=${TOKEN}":           {"//h/:_authToken": "t0k"},
		"//${HOST}/:_authToken=x":            {"//h/:_authToken": "x"},
		"a=${UNSET}\nb=${UNSET?}\nc=${":      {"a": "${UNSET}", "b": "", "c": "${"},
		"a=b=c":                              {"a": "b=c"},
		"ca[]=one\nca[]=two":                 {"ca": "one\ntwo\n"},
		"\ufeffa=b":                          {"a": "b"},
		"a=1\na=2":                           {"a": "2"},
	} {
		if diff := cmp.Diff(want, parseNPMRC(text, lookup)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func FuzzParseNPMRC(f *testing.F) {
	f.Add("registry=http://r/\n//h/:_authToken=${T}\nca[]=x\n")
	f.Add("a=\"\\u0000\"\n'=\n=\n[]=\n${}=${?}")
	f.Fuzz(func(t *testing.T, text string) {
		for key := range parseNPMRC(text, func(string) (string, bool) { return "", false }) {
			if strings.ContainsAny(key, "\n") && !strings.Contains(text, `\n`) {
				t.Fatalf("key %q spans lines", key)
			}
		}
	})
}

// home makes a project, a home and a global npmrc and gives their environment.
func home(t *testing.T, project, user, global string) (dir string, env []string) {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{"project/.npmrc": project, "home/.npmrc": user, "prefix/etc/npmrc": global} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(root, "project"), []string{"HOME=" + root + "/home", "npm_config_globalconfig=" + root + "/prefix/etc/npmrc"}
}

func TestNPMConfigOrder(t *testing.T) {
	dir, env := home(t, "registry=http://project/\n", "registry=http://user/\nx=user\n", "registry=http://global/\nx=global\ny=global\n")
	n, err := NPMConfig(dir, env)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"registry": "http://project/", "x": "user", "y": "global"} {
		if n.settings[key] != want {
			t.Errorf("%s is %q, want %q", key, n.settings[key], want)
		}
	}
	n, err = NPMConfig(dir, append(env, "NPM_CONFIG_REGISTRY=http://env/", "npm_config_strict_ssl=false",
		"npm_config_@my:registry=http://mine/", "npm_config_//h_h/:_authToken=T", "npm_config_empty=", "HTTPS_PROXY=http://p:1", "no_proxy=x"))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"registry": "http://env/", "strict-ssl": "false", "@my:registry": "http://mine/",
		"//h_h/:_authToken": "T", "https-proxy": "http://p:1", "noproxy": "x", "empty": ""} {
		if n.settings[key] != want {
			t.Errorf("%s is %q, want %q", key, n.settings[key], want)
		}
	}
}

func TestNPMConfigFiles(t *testing.T) {
	dir, env := home(t, "", "", "")
	other := filepath.Join(dir, "user")
	if err := os.WriteFile(other, []byte("registry=http://other/"), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := NPMConfig(dir, append(env, "npm_config_userconfig="+other))
	if err != nil || n.settings["registry"] != "http://other/" {
		t.Errorf("userconfig gives %v, %v", n, err)
	}
	if _, err := NPMConfig(dir, []string{"npm_config_userconfig=" + dir}); err == nil || !strings.HasPrefix(err.Error(), "cannot read npm's configuration: ") {
		t.Errorf("a directory as npmrc gives %v", err)
	}
	if n, err := NPMConfig(filepath.Join(dir, "gone"), nil); err != nil || n == nil {
		t.Errorf("no files give %v", err)
	}
}

func TestGlobalConfigBelowNodesPrefix(t *testing.T) {
	root := t.TempDir()
	for _, sub := range []string{"real/bin", "bin"} {
		if err := os.MkdirAll(filepath.Join(root, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "real/bin/node"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../real/bin/node", filepath.Join(root, "bin/node")); err != nil {
		t.Fatal(err)
	}
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		t.Fatal(err)
	}
	n := npmFrom(map[string]string{"prefix": "/my/prefix"})
	want := []string{"/my/prefix/etc/npmrc", real + "/real/etc/npmrc", "/usr/etc/npmrc", "/etc/npmrc"}
	if diff := cmp.Diff(want, n.globals("/nowhere:"+root+"/bin")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRegistryOf(t *testing.T) {
	n := npmFrom(map[string]string{"registry": "http://all/npm", "@my:registry": "https://mine/"})
	for pkg, want := range map[string]string{"x": "http://all/npm/", "@other/x": "http://all/npm/", "@my/x": "https://mine/"} {
		if u, err := n.registry(pkg); err != nil || u.String() != want {
			t.Errorf("%s comes from %v, %v; want %s", pkg, u, err, want)
		}
	}
	for _, bad := range []string{"ftp://x/", "not a url", "/path", "http://"} {
		if u, err := npmFrom(map[string]string{"registry": bad}).registry("x"); err == nil {
			t.Errorf("%q is taken as %v", bad, u)
		}
	}
}

func TestRegistryIsAskedOfNPM(t *testing.T) {
	bin := t.TempDir()
	env := []string{"PATH=" + bin}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	script := func(text string) {
		if err := os.WriteFile(filepath.Join(bin, "npm"), []byte("#!/bin/sh\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script(`[ "$*" = "config get registry --location=global" ] && echo http://from-npm/`)
	if got, err := askNPM(bin, env); err != nil || got != "http://from-npm/" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, broken := range []string{"exit 3", "echo undefined", ""} {
		script(broken)
		got, err := askNPM(bin, env)
		if err == nil || !strings.HasPrefix(err.Error(), "cannot tell where npm packages come from") {
			t.Errorf("%q gives %q, %v", broken, got, err)
		}
	}
}

// The real npm answers for a project that is another package manager's, which
// npm from 10.9 on refuses to work in.
func TestRegistryOfAProjectWithDevEngines(t *testing.T) {
	dir := t.TempDir()
	manifest := `{"devEngines": {"packageManager": {"name": "pnpm", "version": "^12.20.0", "onFail": "error"}}}`
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := askNPM(dir, os.Environ()); err != nil || !strings.Contains(got, "://") {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestCredentials(t *testing.T) {
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:pw"))
	n := npmFrom(map[string]string{
		"//one/:_authToken":      "ONE",
		"//one/deep/:_authToken": "DEEP",
		"//two:8080/npm/:_auth":  base64.StdEncoding.EncodeToString([]byte("ann:pw")),
		"//three/:username":      "ann",
		"//three/:_password":     base64.StdEncoding.EncodeToString([]byte("pw")),
		"//four/:username":       "ann",
		"//five/:_password":      "not base64!",
		"_authToken":             "NEVER",
	})
	for address, want := range map[string]string{
		"http://one/x":             "Bearer ONE",
		"http://one/deep/x":        "Bearer DEEP",
		"http://one/deeper":        "Bearer ONE",
		"http://one:81/x":          "",
		"http://one.evil/x":        "",
		"http://two:8080/npm/x/-/": basic,
		"http://two:8080/x":        "",
		"http://three/@s%2fx":      basic,
		"http://four/x":            "",
		"http://five/x":            "",
		"http://ann:pw@six/x":      basic,
	} {
		req, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		n.authorize(req)
		if got := req.Header.Get("Authorization"); got != want {
			t.Errorf("%s is asked with %q, want %q", address, got, want)
		}
	}
}

func TestFileIsMinimal(t *testing.T) {
	n := npmFrom(map[string]string{
		"registry": "https://one/npm/", "@my:registry": "https://two/", "strict-ssl": "false", "https-proxy": "http://p:1",
		"//one/npm/:_authToken": "ONE", "//two/:_auth": "dHdv", "//elsewhere/:_authToken": "NO", "//one/:always-auth": "true",
		"cafile": "/host/only.pem", "prefix": "/host", "init-author-name": "ann", "_authToken": "NO",
	})
	want := "@my:registry=https://two/\nhttps-proxy=http://p:1\nregistry=https://one/npm/\nstrict-ssl=false\n" +
		"//one/npm/:_authToken=ONE\n//two/:_auth=dHdv\n"
	if diff := cmp.Diff(want, string(n.File())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again := parseNPMRC(string(n.File()), func(string) (string, bool) { return "", false })
	if again["//two/:_auth"] != "dHdv" || again["registry"] != "https://one/npm/" {
		t.Errorf("npm would read %v", again)
	}
	if got := npmFrom(nil).File(); len(got) != 0 {
		t.Errorf("no configuration gives %q", got)
	}
}
