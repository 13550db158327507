package cli

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/buildcache"
	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/engine"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/git"
)

// cacheFlags say where layers are shared, beside the file.
type cacheFlags struct{ from, to []string }

func (f *cacheFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.from, "cache-from", nil, "a cache to read layers from, beside the file's: HOST/NAME or type=registry|local|s3|gha,…")
	cmd.Flags().StringArrayVar(&f.to, "cache-to", nil, "a cache to read from and to write new layers to: HOST/NAME or type=registry|local|inline|s3|gha,…")
}

// check gives the faults of the flags.
func (f *cacheFlags) check() (faults fault.List) {
	check := func(flag string, texts []string) {
		for _, text := range texts {
			if _, err := buildcache.Parse(text); err != nil {
				faults = append(faults, fault.Cannot("use a cache with %s: %v", flag, err).
					WithHint("give %s registry.example.com/team/cache", flag).WithCode(fault.ExitUsage))
			}
		}
	}
	check("--cache-from", f.from)
	check("--cache-to", f.to)
	return faults
}

// share adds to a request the caches of its project, platform and branch.
func (a *app) share(ctx context.Context, b blueprint, r *engine.Request) error {
	flags, file := a.engine.caches, b.project.file.Cache
	if len(flags.from)+len(flags.to) == 0 && file.At == "" {
		return nil
	}
	scope := scopeOf(ctx, b)
	add := func(text string, from, to bool) error {
		e, err := buildcache.Parse(text)
		if err != nil {
			return err
		}
		if e.Type == buildcache.Local {
			e = absolute(e, b.project.dir)
		}
		e = e.Environ(os.Getenv)
		if from {
			r.CacheFrom = append(r.CacheFrom, scope.Imports(e)...)
		}
		if to {
			r.CacheTo = append(r.CacheTo, scope.Export(e))
		}
		return nil
	}
	for _, text := range flags.from {
		if err := add(text, true, false); err != nil {
			return err
		}
	}
	for _, text := range flags.to {
		if err := add(text, true, true); err != nil {
			return err
		}
	}
	if file.At == "" {
		return nil
	}
	return add(file.At, true, exports(file.Export))
}

// absolute makes a folder that the file or a flag names one below dir.
func absolute(e buildcache.Entry, dir string) buildcache.Entry {
	for _, key := range []string{"dest", "src"} {
		if e.Attrs[key] != "" && !filepath.IsAbs(e.Attrs[key]) {
			e.Attrs[key] = filepath.Join(dir, e.Attrs[key])
		}
	}
	return e
}

// exports tells whether the file's cache is written to here.
func exports(when string) bool {
	ci := os.Getenv("CI")
	return when == config.ExportAlways || when == config.ExportCI && ci != "" && ci != "0" && ci != "false"
}

// exportsCache tells whether a build writes to a cache.
func (a *app) exportsCache(f *config.File) bool {
	return len(a.engine.caches.to) > 0 || f.Cache.At != "" && exports(f.Cache.Export)
}

// scopeOf says whose layers those of b are.
func scopeOf(ctx context.Context, b blueprint) buildcache.Scope {
	s := buildcache.Scope{Project: b.project.file.Name, Platform: b.plan.Platform, Default: "main"}
	for _, name := range []string{"GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_REF_NAME", "BUILDKITE_BRANCH"} {
		s.Branch = cmp.Or(s.Branch, os.Getenv(name))
	}
	repo, err := git.Find(b.project.dir)
	if err != nil || repo == nil {
		return s
	}
	if folder, err := filepath.Rel(repo.Top, b.project.dir); err == nil && folder != "." {
		s.Target = filepath.ToSlash(folder)
	}
	// Each is silent where there is none: a commit that is checked out without a
	// branch, a clone without a remote.
	if branch, err := repo.Line(ctx, "symbolic-ref", "-q", "--short", "HEAD"); err == nil {
		s.Branch = cmp.Or(branch, s.Branch)
	}
	if head, err := repo.Line(ctx, "symbolic-ref", "-q", "--short", "refs/remotes/origin/HEAD"); err == nil {
		s.Default = cmp.Or(strings.TrimPrefix(head, "origin/"), s.Default)
	}
	return s
}
