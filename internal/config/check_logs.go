package config

import (
	"maps"
	"slices"

	"github.com/sandwright/sandwright/internal/fault"
)

// checkLogs looks at each logs together with what it inherits.
func checkLogs(f *File) (faults fault.List) {
	file := f.Logs.over(defaultLogs())
	faults = checkOneLogs(f, f.Logs, file, "logs")
	for _, name := range slices.Sorted(maps.Keys(f.Services)) {
		own := f.Services[name].Logs
		faults = append(faults, checkOneLogs(f, own, own.over(file), "services", name, "logs")...)
	}
	return faults
}

// unread tells whether a key stands there whose value was refused.
func unread(f *File, value int64, keys ...string) bool { return value == 0 && f.has(keys...) }

// checkOneLogs reports what the mapping at keys itself says.
func checkOneLogs(f *File, own, whole Logs, keys ...string) (faults fault.List) {
	at := func(key string) fault.Position { return f.At(append(slices.Clone(keys), key)...) }
	has := func(key string) bool { return f.has(append(slices.Clone(keys), key)...) }
	sizes := !unread(f, own.Size, append(slices.Clone(keys), "size")...) && !unread(f, f.Logs.Size, "logs", "size")
	if sizes && whole.Total > 0 && whole.Total < whole.Size && (has("total") || has("size")) && !unread(f, own.Total, append(slices.Clone(keys), "total")...) {
		faults = append(faults, at("total").Cannot("keep files of %d bytes within a total of %d", whole.Size, whole.Total).
			WithHint("make total at least as large as size"))
	}
	if sizes && own.Budget > 0 && own.Budget < whole.Size {
		faults = append(faults, at("budget").Cannot("keep files of %d bytes within a budget of %d", whole.Size, own.Budget).
			WithHint("make budget at least as large as size"))
	}
	if own.Format == "json" && own.Stamp != "" && own.Stamp != "none" {
		faults = append(faults, at("stamp").Cannot("use stamp %s with format json: each object has its time", own.Stamp).
			WithHint("remove stamp"))
	}
	return faults
}
