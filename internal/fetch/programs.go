package fetch

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// choosePrograms decides which files are programs, and their names: as asked
// for, or else as the package says that was asked for. Left are those that a
// wrapper promises and its platform package does not have.
func choosePrograms(have map[string]bool, what found, files []string) (bin map[string]string, left []string, err error) {
	if len(files) > 0 {
		bin, err = givenPrograms(have, what, files)
	} else {
		bin, left, err = ownPrograms(have, what)
	}
	if err != nil {
		return nil, nil, err
	}
	for name := range bin {
		if !toolName.MatchString(name) {
			return nil, nil, fault.Cannot("use %q as the name of a program", name)
		}
	}
	return bin, left, nil
}

// givenPrograms names the files that were asked for: as the package does, or
// else by the file without its extension.
func givenPrograms(have map[string]bool, what found, files []string) (map[string]string, error) {
	known := what.known
	bin := map[string]string{}
	for _, file := range files {
		clean := path.Join(what.dir, cleanFile(file))
		if !have[clean] {
			return nil, fault.Cannot("find %s in it", file).WithHint("correct bin: of the tool; the package has %s", some(have))
		}
		name := programName(clean)
		for _, other := range slices.Sorted(maps.Keys(known)) {
			if known[other] == clean {
				name = other
				break
			}
		}
		bin[name] = clean
	}
	return bin, nil
}

// ownPrograms finds the programs that the package asked for promises. In a
// platform package they stand where it says itself, at the same path, in bin,
// at its root, or else in the one file of that name; one that it lacks is left,
// as a wrapper may promise other names of its program, or scripts of its own.
func ownPrograms(have map[string]bool, what found) (bin map[string]string, left []string, err error) {
	bin = map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(what.programs)) {
		places := append([]string{what.known[name], what.programs[name], "bin/" + name, name}, sameName(have, name)...)
		if i := slices.IndexFunc(places, func(file string) bool { return have[file] }); i >= 0 {
			bin[name] = places[i]
			continue
		}
		left = append(left, name)
	}
	switch {
	case len(left) > 0 && (len(bin) == 0 || !what.wrapped):
		return nil, nil, fault.Cannot("find program %s in it", left[0]).WithHint("list its programs under bin: of the tool; the package has %s", some(have))
	case len(bin) == 0:
		return nil, nil, fault.Cannot("tell which of its files are programs").WithHint("list them under bin: of the tool; the package has %s", some(have))
	}
	return bin, left, nil
}

// sameName gives the file called name, when there is just one.
func sameName(have map[string]bool, name string) []string {
	var out []string
	for _, file := range slices.Sorted(maps.Keys(have)) {
		if path.Base(file) == name {
			out = append(out, file)
		}
	}
	if len(out) > 1 {
		return nil
	}
	return out
}

// programName is the file's own name without the extension of a script.
func programName(file string) string {
	base := path.Base(file)
	for _, ext := range []string{".js", ".cjs", ".mjs", ".exe", ".sh"} {
		if bare, ok := strings.CutSuffix(base, ext); ok && bare != "" {
			return bare
		}
	}
	return base
}

// some lists a few files for a hint, those nearest to the root first.
func some(have map[string]bool) string {
	files := slices.SortedFunc(maps.Keys(have), func(a, b string) int {
		if d := strings.Count(a, "/") - strings.Count(b, "/"); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	if len(files) > 8 {
		files = append(files[:8], "…")
	}
	return strings.Join(files, ", ")
}
