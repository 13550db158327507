package lock

import (
	"encoding/base64"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/sandwright/sandwright/internal/fault"
)

func (r *reader) tool(n *yaml.Node, name string) Tool {
	what := "tool " + name
	keys, rest := r.known(n, what, "source", "inputs", "version")
	t := Tool{
		Source:    r.text(keys["source"], "a source", sourceName),
		Inputs:    r.text(keys["inputs"], "a sha256", hex256),
		Version:   r.text(keys["version"], "a version", anyVersion),
		Platforms: map[string]Artifact{},
	}
	for _, e := range rest {
		platform := r.text(e.key, "a platform", platformName)
		t.Platforms[platform] = r.artifact(e.value, name, platform)
	}
	return t
}

func (r *reader) artifact(n *yaml.Node, name, platform string) Artifact {
	what, before := "tool "+name+" for "+platform, len(r.faults)
	keys, rest := r.known(n, what, "package?", "version", "released?", "image?", "urls?", "packed", "root?", "size", "sha256", "sha512",
		"files", "unpacked", "tree", "keep?", "scripts?", "bin?", "closure?", "evidence?", "digest")
	r.refuseRest(rest, what)
	a := Artifact{
		Package:  r.text(keys["package"], "a package", packageName),
		Version:  r.text(keys["version"], "a version", anyVersion),
		Released: r.text(keys["released"], "a time", utcTime),
		Image:    r.text(keys["image"], "a sha256", hex256),
		URLs:     r.list(keys["urls"], "an address", webAddress),
		Packed:   r.packing(keys["packed"]),
		Size:     r.between(keys["size"], "a size", 1, MaxDownload),
		SHA256:   r.text(keys["sha256"], "a sha256", hex256),
		SHA512:   r.text(keys["sha512"], "a sha512", hex512),
		Files:    r.between(keys["files"], "a number of files", 1, MaxFiles),
		Unpacked: r.between(keys["unpacked"], "a size", 0, MaxUnpacked),
		Tree:     r.text(keys["tree"], "a sha256", hex256),
		Scripts:  r.dict(keys["scripts"], "scripts of "+what, r.printed),
		Bin:      r.dict(keys["bin"], "bin of "+what, r.file),
		Closure:  r.closure(keys["closure"], what),
		Evidence: r.evidence(keys["evidence"], what),
	}
	if keys["root"] != nil {
		a.Root = r.file(keys["root"])
	}
	if keys["keep"] != nil {
		a.Keep = r.list(keys["keep"], "a pattern", printable)
	}
	r.seal(keys["digest"], what, before, func() string { return a.digest(name, platform) })
	return a
}

func (r *reader) packing(n *yaml.Node) Packing {
	f := Packing(r.text(n, "a packing", printable))
	if f != "" && !slices.Contains(Packings(), f) {
		r.refuse(n, "use %q as a packing", fault.Clip(string(f), maxShown))
	}
	return f
}

// dict is a mapping of names of programs or scripts.
func (r *reader) dict(n *yaml.Node, what string, value func(*yaml.Node) string) map[string]string {
	if n == nil {
		return nil
	}
	m := map[string]string{}
	for _, e := range r.entries(n, what) {
		m[r.text(e.key, "the name of a program", toolName)] = value(e.value)
	}
	return m
}

func (r *reader) printed(n *yaml.Node) string { return r.text(n, "a text", printable) }

// file is a path inside a package: relative, clean, without "..".
func (r *reader) file(n *yaml.Node) string {
	name := r.text(n, "a file", printable)
	if strings.HasPrefix(name, "/") || slices.Contains(strings.Split(name, "/"), "..") {
		r.refuse(n, "use %q as a file: it leaves its package", fault.Clip(name, maxShown))
	}
	return name
}

func (r *reader) closure(n *yaml.Node, what string) (list []Dependency) {
	total := int64(0)
	for _, m := range r.matches(n, "a package of a closure", closureLine) {
		d := Dependency{Path: m[1], Name: m[2], Version: m[3], Size: r.bounded(n, "size of package "+m[1], m[4]), SHA512: m[5], Proof: m[6]}
		if _, err := base64.StdEncoding.Strict().DecodeString(d.Proof); err != nil {
			r.refuse(n, "use the proof of package %s: it is no base64", d.Path)
		}
		list, total = append(list, d), total+d.Size
	}
	if len(list) > MaxDependencies || total > MaxDownload {
		r.refuse(n, "use the closure of %s: it has %d packages of %d bytes, and %d of %d are the most", what, len(list), total, MaxDependencies, int64(MaxDownload))
	}
	list = sortedClosure(list)
	refuseDoubled(r, n, "package", what, list, func(d Dependency) string { return d.Path })
	return list
}

func (r *reader) evidence(n *yaml.Node, what string) (list []Evidence) {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.refuse(n, "read the evidence of %s: it must be a sequence", what)
		return nil
	}
	for _, item := range n.Content {
		keys, rest := r.known(item, "the evidence of "+what, "kind", "verdict", "identity?", "issuer?", "key?", "proof?")
		r.refuseRest(rest, "the evidence of "+what)
		e := Evidence{
			Kind:     r.text(keys["kind"], "a kind of evidence", kindName),
			Verdict:  Verdict(r.text(keys["verdict"], "a verdict", verdictWord)),
			Identity: r.text(keys["identity"], "an identity", printable),
			Issuer:   r.text(keys["issuer"], "an issuer", printable),
			Key:      r.text(keys["key"], "a key", printable),
			Proof:    r.text(keys["proof"], "a proof", base64Text),
		}
		if why := e.wrong(); why != "" {
			r.refuse(item, "use evidence %s of %s: %s", fault.Clip(e.Kind, maxShown), what, why)
		}
		list = append(list, e)
	}
	return sortedEvidence(list)
}

// wrong says what is wrong with one piece of evidence: what is verified has a
// proof and says whose it is, and nothing else claims to be.
func (e Evidence) wrong() string {
	_, err := base64.StdEncoding.Strict().DecodeString(e.Proof)
	switch {
	case e.Verdict == Verified && e.Proof == "":
		return "it says that it is verified, and has no proof"
	case e.Verdict == Verified && (e.Key == "") == (e.Issuer == ""):
		return "it says neither or both of whose key it is and who vouched for an identity"
	case e.Verdict != Verified && e.Proof != "":
		return "it has a proof, and does not say that it is verified"
	case e.Verdict == Listed && !slices.Contains(listKinds(), e.Kind):
		return "nobody lists that"
	case e.Verdict == Absent && e.Identity+e.Issuer+e.Key != "":
		return "it says who vouches, and that nobody does"
	case err != nil:
		return "its proof is no base64"
	}
	return ""
}

// listKinds are the kinds of evidence that are no signatures that could be
// verified again: GitHub's digest of a release's file, a project's list of
// checksums, what apt found signed, and the hash in package.json.
func listKinds() []string { return []string{"github-digest", "sha256sums", "apt", "package-manager"} }
