package lock

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

func (r *reader) tool(n *yaml.Node, what string) Tool {
	keys, rest := r.known(n, what, "source", "inputs", "version")
	t := Tool{
		Source:    r.text(keys["source"], "a source", sourceName),
		Inputs:    r.text(keys["inputs"], "a sha256", hex256),
		Version:   r.text(keys["version"], "a version", anyVersion),
		Platforms: map[string]Artifact{},
	}
	for _, e := range rest {
		platform := r.text(e.key, "a platform", platformName)
		t.Platforms[platform] = r.artifact(e.value, what+" for "+platform)
	}
	return t
}

func (r *reader) artifact(n *yaml.Node, what string) Artifact {
	keys, rest := r.known(n, what, "package?", "version", "released?", "image?", "urls?", "packed", "root?", "size", "sha256", "sha512",
		"files", "unpacked", "tree", "keep?", "scripts?", "bin?", "closure?", "evidence?")
	r.refuseRest(rest, what)
	a := Artifact{
		Package:  r.text(keys["package"], "a package", packageName),
		Version:  r.text(keys["version"], "a version", anyVersion),
		Released: r.text(keys["released"], "a time", utcTime),
		Image:    r.text(keys["image"], "a sha256", hex256),
		URLs:     r.list(keys["urls"], "an address", webAddress),
		Packed:   r.packing(keys["packed"]),
		Size:     r.number(keys["size"], "a size"),
		SHA256:   r.text(keys["sha256"], "a sha256", hex256),
		SHA512:   r.text(keys["sha512"], "a sha512", hex512),
		Files:    r.number(keys["files"], "a number of files"),
		Unpacked: r.number(keys["unpacked"], "a size"),
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
	return a
}

func (r *reader) packing(n *yaml.Node) Packing {
	f := Packing(r.text(n, "a packing", printable))
	if f != "" && !slices.Contains(Packings(), f) {
		r.refuse(n, "use %q as a packing", f)
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
		r.refuse(n, "use %q as a file: it leaves its package", name)
	}
	return name
}

func (r *reader) closure(n *yaml.Node, what string) (list []Dependency) {
	for _, m := range r.matches(n, "a package of a closure", closureLine) {
		size, _ := strconv.ParseInt(m[4], 10, 64) // closureLine bounds it
		list = append(list, Dependency{Path: m[1], Name: m[2], Version: m[3], Size: size, SHA512: m[5]})
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
		list = append(list, Evidence{
			Kind:     r.text(keys["kind"], "a kind of evidence", kindName),
			Verdict:  Verdict(r.text(keys["verdict"], "a verdict", verdictWord)),
			Identity: r.text(keys["identity"], "an identity", printable),
			Issuer:   r.text(keys["issuer"], "an issuer", printable),
			Key:      r.text(keys["key"], "a key", printable),
			Proof:    r.text(keys["proof"], "a proof", base64Text),
		})
	}
	return sortedEvidence(list)
}
