package sbom

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/sandwright/sandwright/internal/workspace"
)

// An entry is what a package manager's lock says of one package.
type entry struct {
	Version    string `json:"version" yaml:"version"`
	Integrity  string `json:"integrity" yaml:"integrity"`
	Link       bool   `json:"link" yaml:"-"` // to a folder of the workspace
	Resolution struct {
		Integrity string `yaml:"integrity"`
	} `json:"-" yaml:"resolution"`
}

// workspacePackages are those that the workspace's locks pin. Of bun's binary lock
// none are known.
func workspacePackages(files []workspace.Input) (out []Package, err error) {
	for _, f := range files {
		var found []Package
		switch path.Base(f.Path) {
		case "pnpm-lock.yaml":
			found, err = pnpmPackages(f.Data)
		case "package-lock.json", "npm-shrinkwrap.json":
			found, err = npmPackages(f.Data)
		case "yarn.lock":
			found, err = yarnPackages(f.Data)
		case "bun.lock":
			found, err = bunPackages(f.Data)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot list the packages of %s: %w", f.Path, err)
		}
		out = append(out, found...)
	}
	return out, nil
}

// pnpmPackages reads `packages` of pnpm's lock, which from version 11 on has a
// document of its own for configuration's dependencies before that of the workspace's.
func pnpmPackages(data []byte) (out []Package, err error) {
	documents := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var lock struct {
			Packages map[string]entry `yaml:"packages"`
		}
		if err := documents.Decode(&lock); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, err
		}
		out = append(out, pnpmEntries(lock.Packages)...)
	}
}

// pnpmEntries reads keys NAME@VERSION, before version 9 with a slash before
// them and the peers in parentheses behind them.
func pnpmEntries(packages map[string]entry) (out []Package) {
	for _, key := range slices.Sorted(maps.Keys(packages)) {
		bare, _, _ := strings.Cut(strings.TrimPrefix(key, "/"), "(")
		at := strings.LastIndexByte(bare, '@')
		if at <= 0 {
			continue
		}
		name, version := bare[:at], bare[at+1:]
		if i := strings.Index(bare[1:], "@"); i+1 < at { // NAME@ADDRESS with an @ in it
			name, version = bare[:i+1], bare[i+2:]
		}
		out = append(out, npmPackage(name, version, packages[key].Resolution.Integrity))
	}
	return out
}

// npmPackages reads `packages` of npm's lock, by path below the workspace.
func npmPackages(data []byte) (out []Package, err error) {
	var lock struct {
		Packages map[string]entry `json:"packages"`
	}
	if err := json.Unmarshal(data, &lock); err != nil {
		return nil, err
	}
	const dir = "node_modules/"
	for _, key := range slices.Sorted(maps.Keys(lock.Packages)) {
		e := lock.Packages[key]
		if at := strings.LastIndex(key, dir); at >= 0 && !e.Link {
			out = append(out, npmPackage(key[at+len(dir):], e.Version, e.Integrity))
		}
	}
	return out, nil
}

// npmPackage is one package. The address of one that no registry has is not
// shown: it may hold a password.
func npmPackage(name, version, integrity string) Package {
	if strings.Contains(version, "/") {
		version = ""
	}
	purl := npmPURL(name, version)
	p := made("npm", name, version, strings.TrimSuffix(purl, "@"))
	for hash := range strings.FieldsSeq(integrity) {
		kind, sum, _ := strings.Cut(hash, "-")
		raw, err := base64.StdEncoding.DecodeString(sum)
		algorithm := map[string]string{"sha1": "SHA1", "sha256": "SHA256", "sha384": "SHA384", "sha512": "SHA512"}[kind]
		if err == nil && algorithm != "" {
			p.Checksums = append(p.Checksums, checksum{algorithm, hex.EncodeToString(raw)})
		}
	}
	return p
}
