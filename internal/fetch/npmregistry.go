package fetch

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// registry is where the package of that name comes from, with a slash at the
// end.
func (n *NPM) registry(pkg string) (*url.URL, error) {
	address := n.settings["registry"]
	if scope, _, ok := strings.Cut(pkg, "/"); ok && n.settings[scope+":registry"] != "" {
		address = n.settings[scope+":registry"]
	}
	if address == "" {
		var err error
		if address, err = n.fallback(); err != nil {
			return nil, err
		}
	}
	u, err := url.Parse(strings.TrimSuffix(address, "/") + "/")
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fault.Cannot("use npm's registry for %s: its address is not an http or https URL", pkg).
			WithHint("run: npm config get registry")
	}
	return u, nil
}

// authKeys are the settings of one registry that say who asks.
func authKeys() []string { return []string{"_authToken", "_auth", "username", "_password"} }

// authorize adds what npmrc says for the longest matching //host/path/ of the
// request's address. Credentials in the address itself come first, as in npm.
func (n *NPM) authorize(req *http.Request) {
	if user := req.URL.User; user != nil {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
		return
	}
	path := req.URL.EscapedPath()
	for {
		i := strings.LastIndexByte(path, '/')
		if i < 0 {
			return
		}
		path = path[:i]
		if value := n.credential("//" + req.URL.Host + path + "/:"); value != "" {
			req.Header.Set("Authorization", value)
			return
		}
	}
}

// credential is the Authorization header for settings with that prefix.
func (n *NPM) credential(prefix string) string {
	if token := n.settings[prefix+"_authToken"]; token != "" {
		return "Bearer " + token
	}
	if auth := n.settings[prefix+"_auth"]; auth != "" {
		return "Basic " + auth
	}
	password, err := base64.StdEncoding.DecodeString(n.settings[prefix+"_password"])
	if user := n.settings[prefix+"username"]; err == nil && user != "" && len(password) > 0 {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+string(password)))
	}
	return ""
}

// File renders a minimal npmrc for a build step: the registries, proxies and
// strict-ssl as configured, and the credentials of those registries alone. It
// holds secrets: give it to a step as one.
func (n *NPM) File() []byte {
	hosts := map[string]bool{}
	var lines []string
	keep := func(key string) { lines = append(lines, fmt.Sprintf("%s=%s\n", key, n.settings[key])) }
	for _, key := range slices.Sorted(maps.Keys(n.settings)) {
		switch {
		case key == "registry", strings.HasPrefix(key, "@") && strings.HasSuffix(key, ":registry"):
			if u, err := url.Parse(n.settings[key]); err == nil {
				hosts[u.Host] = true
			}
			keep(key)
		case slices.Contains([]string{"strict-ssl", "proxy", "https-proxy", "noproxy"}, key):
			keep(key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(n.settings)) {
		rest, ok := strings.CutPrefix(key, "//")
		host, _, _ := strings.Cut(rest, "/")
		if ok && hosts[host] && slices.Contains(authKeys(), key[strings.LastIndexByte(key, ':')+1:]) {
			keep(key)
		}
	}
	return []byte(strings.Join(lines, ""))
}

// Variables are what File says, for the package managers that do not read it:
// the registry and its token, and the proxies, as variables of yarn and bun. It
// holds secrets.
func (n *NPM) Variables() map[string][]byte {
	out := map[string][]byte{}
	set := func(value string, names ...string) {
		for _, name := range names {
			if value != "" {
				out[name] = []byte(value)
			}
		}
	}
	if registry := n.settings["registry"]; registry != "" {
		set(registry, "YARN_NPM_REGISTRY_SERVER", "BUN_CONFIG_REGISTRY")
		if u, err := url.Parse(registry); err == nil {
			set(n.settings["//"+u.Host+strings.TrimSuffix(u.EscapedPath(), "/")+"/:_authToken"], "YARN_NPM_AUTH_TOKEN", "BUN_CONFIG_TOKEN")
		}
	}
	set(n.settings["https-proxy"], "YARN_HTTPS_PROXY")
	set(n.settings["proxy"], "YARN_HTTP_PROXY")
	return out
}
