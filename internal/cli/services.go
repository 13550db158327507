package cli

import (
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/fault"
)

// serviceNames are the file's, sorted.
func serviceNames(f *config.File) []string { return slices.Sorted(maps.Keys(f.Services)) }

// unknownService names the nearest one, or all there are.
func unknownService(name string, all []string) *fault.Fault {
	f := fault.Cannot("find service %q", name).WithCode(fault.ExitUsage)
	if near := fault.Nearest(name, all); near != "" {
		return f.WithHint("did you mean %s?", near)
	}
	return f.WithHint("the services are: %s", strings.Join(all, ", "))
}

// printJSONLine writes v on a line of its own.
func printJSONLine(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) }
