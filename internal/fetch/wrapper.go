package fetch

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"unicode"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/semver"
)

// maxCandidates bounds how many platform packages of a wrapper are looked at.
const maxCandidates = 8

// A platformPackage is an optional dependency that may hold a wrapper's program.
type platformPackage struct {
	key           string // as the wrapper names it
	name, version string // what it is in the registry
}

// platformRelease is the package that holds the programs of r on a platform:
// r itself, or for a wrapper the platform package that it pins exactly.
func (f *Fetcher) platformRelease(ctx context.Context, r release, platform string) (release, error) {
	candidates, wrapper := platformPackages(r.Optional, platform)
	if !wrapper {
		return r, fits(r, platform)
	}
	why := "none of its optional dependencies is for that platform"
	for _, c := range candidates[:min(len(candidates), maxCandidates)] {
		got, err := f.release(ctx, c.name, c.version, r.String())
		if errors.Is(err, errNoRelease) {
			why = err.Error()
			continue
		}
		if err != nil || fits(got, platform) == nil {
			return got, err
		}
	}
	return r, fault.Cannot("use %s on %s: %s", r, platform, why).
		WithHint("ask for another version, or leave %s out of platforms", platform)
}

// fits is nil when npm would install r on a platform with glibc.
func fits(r release, platform string) error {
	if r.OS.allows("linux") && r.CPU.allows(npmArch(platform)) && r.Libc.allows("glibc") {
		return nil
	}
	return fault.Cannot("use %s on %s: it is for os %v, cpu %v, libc %v", r, platform, r.OS, r.CPU, r.Libc).
		WithHint("write {arch} for the architecture in the package's name, or ask for another package")
}

// platformPackages picks the optional dependencies whose names are about a
// platform with glibc, the plainest name first, and tells whether there are
// any for whatever platform.
func platformPackages(optional map[string]string, platform string) (list []platformPackage, wrapper bool) {
	systems := []string{"linux", "darwin", "win32", "windows", "freebsd", "android"}
	arches := map[string][]string{"x64": {"x64", "64", "amd64"}, "arm64": {"arm64", "aarch64"}}[npmArch(platform)]
	for key, version := range optional {
		parts := strings.FieldsFunc(key, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		has := func(words ...string) bool {
			return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(parts, w) })
		}
		wrapper = wrapper || has(systems...)
		spec := key + "@" + version
		if alias, ok := strings.CutPrefix(version, "npm:"); ok {
			spec = alias
		}
		name, exact := cutLast(spec, "@")
		_, err := semver.Parse(exact)
		if err == nil && npmName.MatchString(name) && has("linux") && has(arches...) && !has("musl", "android") {
			list = append(list, platformPackage{key, name, exact})
		}
	}
	slices.SortFunc(list, func(a, b platformPackage) int {
		return cmp.Or(len(a.key)-len(b.key), strings.Compare(a.key, b.key))
	})
	return list, wrapper
}

// cutLast is strings.Cut around the last sep.
func cutLast(s, sep string) (before, after string) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i+len(sep):]
}
