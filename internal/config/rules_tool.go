package config

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/sandwright/sandwright/internal/semver"
)

// npmSpec accepts NAME@CONSTRAINT. A word that is no version is a tag.
func npmSpec(text string) *reason {
	name := regexp.MustCompile(`^(@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*$`)
	filled := strings.ReplaceAll(text, "{arch}", "x64")
	at := strings.LastIndex(filled, "@")
	if at <= 0 {
		at = len(filled)
	}
	if !name.MatchString(filled[:at]) {
		return &reason{"it is not a package and its version", "such as pnpm@10.28.0"}
	}
	return constraint(strings.TrimPrefix(filled[at:], "@"),
		"write "+filled[:at]+"@VERSION; npm view "+filled[:at]+" version shows the newest")
}

// githubSpec accepts OWNER/NAME@CONSTRAINT.
func githubSpec(text string) *reason {
	repository, version, _ := strings.Cut(text, "@")
	if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+$`).MatchString(repository) {
		return &reason{"it is not a repository and its version", "such as cli/cli@2.83.0"}
	}
	return constraint(version, "write "+repository+"@VERSION")
}

// constraint accepts what chooses a release. It must be said: no version at
// all could be any.
func constraint(text, hint string) *reason {
	tag := regexp.MustCompile(`^[a-z][a-z0-9._-]*$`)
	switch {
	case text == "":
		return &reason{"it has no version", hint}
	case tag.MatchString(text) && text != "x":
		return nil
	}
	if _, err := semver.ParseConstraint(text); err != nil || text != strings.TrimSpace(text) {
		return &reason{clip(text) + " is no version and no range of versions", hint}
	}
	return nil
}

func exactVersion(text string) *reason {
	if !regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.+_-]*$`).MatchString(text) {
		return &reason{"it is not one exact version", "such as 2.83.0"}
	}
	return nil
}

// placeholders are what a template may hold in braces.
func placeholders(text string) *reason {
	for _, m := range regexp.MustCompile(`\{[^}]*\}?`).FindAllString(text, -1) {
		if m != "{version}" && m != "{os}" && m != "{arch}" {
			return &reason{"it holds " + clip(m) + ", and only {version}, {os} and {arch} stand for something", "write one of them"}
		}
	}
	return nil
}

func assetName(text string) *reason {
	if !regexp.MustCompile(`^[A-Za-z0-9._+~{}-]+$`).MatchString(text) {
		return &reason{"it is not the name of a file of a release", "such as gh_{version}_{os}_{arch}.tar.gz"}
	}
	return placeholders(text)
}

func toolURL(text string) *reason {
	if bad := registryURL(strings.NewReplacer("{", "", "}", "").Replace(text)); bad != nil {
		return bad
	}
	return placeholders(text)
}

// evidenceURL accepts the address of a signature, in which {url} may stand for
// that of the download.
func evidenceURL(text string) *reason {
	rest, whole := strings.CutPrefix(text, "{url}")
	if whole {
		rest = "https://x/" + rest
	}
	return toolURL(rest)
}

// registryURL accepts an address without a user: credentials have no place in
// this file.
func registryURL(text string) *reason {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return &reason{"it is no http or https address", "such as https://example.com/"}
	case u.User != nil:
		return &reason{"it holds a user or a password, and this file is no place for one", "put credentials into npmrc, apt's auth.conf or docker login"}
	case u.RawQuery != "" || u.Fragment != "":
		return &reason{why: "it holds a ? or a #"}
	}
	return nil
}

// imageReference accepts [HOST/]NAME[:TAG][@DIGEST].
func imageReference(text string) *reason {
	re := regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]+)?/)?[a-z0-9]+((\.|_|__|-+|/)[a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[0-9a-f]{64})?$`)
	switch {
	case !re.MatchString(text):
		return &reason{"it is no image's reference", "such as debian:bookworm-slim"}
	case !strings.Contains(text, "@") && !strings.Contains(text[strings.LastIndex(text, "/")+1:], ":"):
		return &reason{"it has neither tag nor digest", "such as " + clip(text) + ":1.0"}
	}
	return nil
}

// debSpec accepts a package as apt-get install does.
func debSpec(text string) *reason {
	if !regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+(=[0-9][0-9A-Za-z.+:~-]*|/[a-z][a-z0-9-]*)?$`).MatchString(text) {
		return &reason{"it is no package of Debian", "such as ripgrep, ripgrep=13.0.0-4+b2 or ripgrep/bookworm"}
	}
	return nil
}
