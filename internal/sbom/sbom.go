// Package sbom lists what is in an image, as an SPDX 2.3 document in JSON. The
// list is not guessed from files: it is what the lock, and the lock of the
// workspace's package manager, have pinned. It is pure, and the same image has
// the same document.
package sbom

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/lock"
	"github.com/sandwright/sandwright/internal/workspace"
)

// Inputs are what is in one image.
type Inputs struct {
	Name     string // of the project
	Platform string
	Lock     *lock.Lock
	Files    []workspace.Input // that decide the install, the package manager's lock among them
}

// A document has the fields of https://spdx.github.io/spdx-spec/v2.3/ that are
// used here.
type document struct {
	Version       string         `json:"spdxVersion"`
	License       string         `json:"dataLicense"`
	ID            string         `json:"SPDXID"`
	Name          string         `json:"name"`
	Namespace     string         `json:"documentNamespace"`
	Creation      creation       `json:"creationInfo"`
	Packages      []Package      `json:"packages"`
	Relationships []relationship `json:"relationships"`
}

type creation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

// A Package is one piece of software.
type Package struct {
	ID        string     `json:"SPDXID"`
	Name      string     `json:"name"`
	Version   string     `json:"versionInfo,omitempty"`
	Location  string     `json:"downloadLocation"`
	Analyzed  bool       `json:"filesAnalyzed"`
	Checksums []checksum `json:"checksums,omitempty"`
	Refs      []external `json:"externalRefs,omitempty"`
}

type checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type external struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type relationship struct {
	Element string `json:"spdxElementId"`
	Type    string `json:"relationshipType"`
	Related string `json:"relatedSpdxElement"`
}

const (
	documentID = "SPDXRef-DOCUMENT"
	rootID     = "SPDXRef-Image"
)

// Document makes the list. Its time is 1970, as those of the image are.
func Document(in Inputs) ([]byte, error) {
	packages := slices.Concat(base(in), tools(in))
	npm, err := workspacePackages(in.Files)
	if err != nil {
		return nil, err
	}
	packages = unique(append(packages, npm...))
	root := Package{ID: rootID, Name: in.Name, Location: none}
	doc := document{
		Version: "SPDX-2.3", License: "CC0-1.0", ID: documentID, Name: in.Name + " for " + in.Platform,
		Creation:      creation{Created: "1970-01-01T00:00:00Z", Creators: []string{"Tool: sandwright"}},
		Packages:      append([]Package{root}, packages...),
		Relationships: []relationship{{documentID, "DESCRIBES", rootID}},
	}
	for _, p := range packages {
		doc.Relationships = append(doc.Relationships, relationship{rootID, "CONTAINS", p.ID})
	}
	data, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	doc.Namespace = "https://sandwright.invalid/spdx/" + hex.EncodeToString(sum[:])
	return json.MarshalIndent(doc, "", " ")
}

// none is SPDX's word for what is not said.
const none = "NOASSERTION"

// base is what the system is made of.
func base(in Inputs) (out []Package) {
	system := in.Lock.Base.Systems[in.Platform]
	if system.Image != "" {
		p := made("base", in.Lock.Base.Source, "", "")
		p.Checksums = []checksum{{"SHA256", system.Image}}
		return []Package{p}
	}
	_, suite, _ := strings.Cut(in.Lock.Base.Source, ":")
	for _, d := range system.Packages {
		p := made("deb", d.Name, d.Version, fmt.Sprintf("pkg:deb/debian/%s@%s?arch=%s&distro=%s", escape(d.Name), escape(d.Version), escape(d.Arch), escape(suite)))
		p.Checksums = []checksum{{"SHA256", d.SHA256}}
		out = append(out, p)
	}
	return out
}

// tools are the tools and what they depend on.
func tools(in Inputs) (out []Package) {
	for _, name := range slices.Sorted(maps.Keys(in.Lock.Tools)) {
		tool := in.Lock.Tools[name]
		a, ok := tool.Platforms[in.Platform]
		if !ok {
			continue
		}
		p := made("tool", name, tool.Version, toolPURL(tool, a))
		p.Checksums = []checksum{{"SHA256", a.SHA256}, {"SHA512", a.SHA512}}
		out = append(out, p)
		for _, d := range a.Closure {
			q := made("npm", d.Name, d.Version, npmPURL(d.Name, d.Version))
			q.Checksums = []checksum{{"SHA512", d.SHA512}}
			out = append(out, q)
		}
	}
	return out
}

// toolPURL names a tool as https://github.com/package-url/purl-spec has it.
func toolPURL(t lock.Tool, a lock.Artifact) string {
	kind, rest, _ := strings.Cut(t.Source, ":")
	switch kind {
	case "npm":
		return npmPURL(a.Package, a.Version)
	case "deb":
		return "pkg:deb/debian/" + escape(a.Package) + "@" + escape(a.Version)
	case "github":
		repo, _, _ := strings.Cut(rest, "@")
		return "pkg:github/" + strings.ToLower(repo) + "@" + escape(t.Version)
	case "oci":
		return "pkg:oci/" + escape(a.Package[strings.LastIndexByte(a.Package, '/')+1:]) + "@sha256%3A" + a.Image
	}
	return "pkg:generic/" + escape(a.Package) + "@" + escape(t.Version)
}

func npmPURL(name, version string) string {
	if scope, rest, ok := strings.Cut(name, "/"); ok {
		return "pkg:npm/" + escape(scope) + "/" + escape(rest) + "@" + escape(version)
	}
	return "pkg:npm/" + escape(name) + "@" + escape(version)
}

// escape leaves what a purl has unescaped: letters, digits and .-_~.
func escape(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(".-_~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// made is a package whose id is made of what it is.
func made(kind, name, version, purl string) Package {
	sum := sha256.Sum256([]byte(kind + "\x00" + name + "\x00" + version + "\x00" + purl))
	p := Package{ID: fmt.Sprintf("SPDXRef-%s-%s", kind, hex.EncodeToString(sum[:8])), Name: name, Version: version, Location: none}
	if purl != "" {
		p.Refs = []external{{"PACKAGE-MANAGER", "purl", purl}}
	}
	return p
}

// unique keeps the first of packages with the same id, and sorts.
func unique(all []Package) []Package {
	slices.SortStableFunc(all, func(a, b Package) int { return strings.Compare(a.ID, b.ID) })
	return slices.CompactFunc(all, func(a, b Package) bool { return a.ID == b.ID })
}
