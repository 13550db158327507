package receipt

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStale(t *testing.T) {
	const manifest = `{"name":"web","version":"1.2.3","scripts":{"build":"x"},"dependencies":{"zod":"^3.1"}}`
	seen := `{"name":"web","version":"0.0.0","dependencies":{"zod":"^3.1"}}`
	layer := Layer{Name: "install", Fields: []string{"dependencies", "name", "publishConfig.directory", "version"}, Files: []File{
		{Path: "bin/x", Kind: Head, Sum: SumOf([]byte("#!/bin/sh\r\n1")), Seen: SumOf([]byte("#!/bin/sh\n"))},
		{Path: "package.json", Kind: Manifest, Sum: SumOf([]byte(manifest)), Seen: SumOf([]byte(seen)), Fields: FieldsOf("package.json", []byte(seen))},
		{Path: "pnpm-lock.yaml", Sum: SumOf([]byte("a: 1\n")), Fields: FieldsOf("x.yaml", []byte("a: 1\n"))},
		{Path: "src", Kind: Tree, Sum: SumOf(nil)},
		{Path: "the package manager", Kind: Said, Fields: map[string]string{"env": "x"}},
	}}
	for name, tt := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"as it was":               {nil, nil},
		"scripts and the version": {map[string]string{"package.json": `{"scripts":{},"version":"9.9.9","name":"web","dependencies":{"zod":"^3.1"},"publishConfig":{"access":"public"}}`}, nil},
		"a dependency":            {map[string]string{"package.json": strings.Replace(manifest, "^3.1", "^3.2", 1)}, []string{"dependencies.zod ^3.1 → ^3.2 in package.json"}},
		"a field that came":       {map[string]string{"package.json": strings.Replace(manifest, "{", `{"publishConfig":{"directory":"dist"},`, 1)}, []string{"publishConfig.directory dist added in package.json"}},
		"a manifest that is none": {map[string]string{"package.json": "{"}, []string{"dependencies.zod removed from package.json", "name removed from package.json", "version removed from package.json"}},
		"a lock":                  {map[string]string{"pnpm-lock.yaml": "a: 2\n"}, []string{"pnpm-lock.yaml changed"}},
		"what a command does":     {map[string]string{"bin/x": "#!/bin/sh\n2"}, nil},
		"what runs a command":     {map[string]string{"bin/x": "#!/bin/bash\n1"}, []string{"bin/x changed"}},
		"no command any more":     {map[string]string{"bin/x": "1"}, []string{"bin/x changed"}},
		"a file that is gone":     {map[string]string{"pnpm-lock.yaml": "-"}, []string{"pnpm-lock.yaml removed"}},
	} {
		t.Run(name, func(t *testing.T) {
			now := map[string]string{"bin/x": "#!/bin/sh\r\n1", "package.json": manifest, "pnpm-lock.yaml": "a: 1\n"}
			for file, text := range tt.files {
				now[file] = text
			}
			_, causes, err := layer.Stale(Look{Read: func(name string) ([]byte, error) {
				if text, ok := now[name]; ok && text != "-" {
					return []byte(text), nil
				}
				return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
			}})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range causes {
				got = append(got, c.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	failure := errors.New("broken")
	if _, _, err := layer.Stale(Look{Read: func(string) ([]byte, error) { return nil, failure }}); !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
}

// A sum is the same in one piece or many, and wherever holes are.
func TestSummer(t *testing.T) {
	text := strings.Repeat("0123456789", 350_000)
	whole, parts := NewSummer(int64(len(text))), NewSummer(int64(len(text)))
	fmt.Fprint(whole, text)
	for rest := text; rest != ""; {
		n := min(len(rest), 77_777)
		fmt.Fprint(parts, rest[:n])
		rest = rest[n:]
	}
	if a, b := whole.Sum(), parts.Sum(); a != b || len(a) != 32 {
		t.Errorf("%x, %x", a, b)
	}
	small := NewSummer(3)
	fmt.Fprint(small, "abc")
	if got := fmt.Sprintf("%x", small.Sum()); got != SumOf([]byte("abc")) {
		t.Error(got)
	}
	// Zeros at the end are not summed one by one, and count all the same.
	sums := map[string]int64{}
	for _, size := range []int64{0, ChunkSize + 1, 2 * ChunkSize, 3 * ChunkSize} {
		s := NewSummer(size)
		_, _ = s.Write(make([]byte, size))
		sum := s.Sum()
		if was, ok := sums[sum]; ok {
			t.Errorf("%d and %d bytes of zeros have one sum", was, size)
		}
		sums[sum] = size
	}
	if Zeros(nil) || Zeros([]byte{0, 1}) || !Zeros(make([]byte, 9)) {
		t.Error("zeros are not told")
	}
}
