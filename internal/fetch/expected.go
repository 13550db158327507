package fetch

import (
	"strings"

	"github.com/sandwright/sandwright/internal/lock"
	"github.com/sandwright/sandwright/internal/semver"
)

// Asked is which versions the file asks for: one, or a range; of a tag neither.
func (t ToolSpec) Asked() (exact, within string) {
	switch {
	case t.URL != "":
		return t.Version, ""
	case t.OCI != "":
		return imageVersion(t.OCI), ""
	case t.Deb != "":
		_, version, _ := splitDeb(t.Deb)
		return version, ""
	}
	_, asked := cutLast(t.NPM+t.GitHub, "@")
	c, err := semver.ParseConstraint(asked)
	switch {
	case err != nil:
		return "", ""
	case c.Exact():
		return asked, ""
	}
	return "", asked
}

// Expected is what the file alone says of the artifact of a version. Which
// package of npm holds a wrapper's program is not known.
func (t ToolSpec) Expected(version, platform string) lock.Expected {
	e := lock.Expected{Keep: t.Files, Version: version}
	s := sourced{spec: t}
	switch {
	case t.GitHub != "":
		e.Package = plainFile(s.templated(t.Asset, version, platform))
	case t.URL != "":
		e.URL = s.templated(t.URL, version, platform)
		e.Package = plainFile(lastPart(e.URL))
	case t.OCI != "":
		e.Package = repositoryOf(t.OCI)
	case t.Deb != "":
		e.Package, e.Version, _ = splitDeb(t.Deb)
	case t.Closure:
		e.Package, _, _ = splitNPM(t.NPM, platform)
		return e // where its programs are depends on whether it has dependencies
	default:
		e.Version = "" // of a platform's package it may be another
	}
	for _, file := range t.Bin {
		e.Bin = append(e.Bin, cleanFile(file))
	}
	return e
}

// lastPart is what follows the last slash.
func lastPart(address string) string { return address[strings.LastIndex(address, "/")+1:] }
