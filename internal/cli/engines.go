package cli

import (
	"context"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/engine"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/llbgen"
)

// engineFlags say where builds run, and how large the store may become.
type engineFlags struct {
	builder engine.Builder
	folder  string // of the builder's certificates
	limit   string // of the store
	caches  cacheFlags
	ssh     sshFlags
}

func (f *engineFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.builder.Address, "builder", f.builder.Address, "embedded, docker, unix:///PATH or tcp://HOST:PORT: where the build runs (default: embedded; also SANDWRIGHT_BUILDER)")
	flags.StringVar(&f.folder, "builder-tls", f.folder, "folder with ca.pem, cert.pem and key.pem for tcp (also SANDWRIGHT_BUILDER_TLS)")
	flags.StringVar(&f.builder.CA, "builder-ca", "", "file of the authorities that vouch for the builder")
	flags.StringVar(&f.builder.Cert, "builder-cert", "", "file of our certificate for the builder")
	flags.StringVar(&f.builder.Key, "builder-key", "", "file of its key")
	complete(cmd, "builder", engine.BuilderEmbedded, engine.BuilderDocker, "unix://", "tcp://")
	f.registerLimit(cmd)
	f.caches.register(cmd)
	f.ssh.register(cmd)
}

func (f *engineFlags) registerLimit(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.limit, "store-limit", f.limit, "size that the store of layers is brought back to, such as 20GB (default: 10GiB; also SANDWRIGHT_STORE_LIMIT)")
}

// engineDefaults are what the environment says.
func engineDefaults() engineFlags {
	return engineFlags{
		builder: engine.Builder{Address: os.Getenv("SANDWRIGHT_BUILDER")},
		folder:  os.Getenv("SANDWRIGHT_BUILDER_TLS"),
		limit:   os.Getenv("SANDWRIGHT_STORE_LIMIT"),
	}
}

// options are those of the engine, once all that was said of it holds.
func (f *engineFlags) options() (engine.Options, error) {
	opts := engine.Options{Root: engineDir(), Layout: storeDir(), Builder: f.builder, Passing: llbgen.Passing()}
	if strings.HasPrefix(f.builder.Address, "tcp:") {
		opts.Builder = f.builder.WithFolder(f.folder)
	}
	if err := opts.Builder.Check(); err != nil {
		return opts, err
	}
	if err := append(f.caches.check(), f.ssh.check()...).Err(); err != nil {
		return opts, err
	}
	var err error
	opts.MaxBytes, err = storeSize("--store-limit", f.limit)
	return opts, err
}

// storeSize reads the size of a store; empty is 0.
func storeSize(flag, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := config.ParseSize(text, 1, 1<<50)
	if err != nil {
		return 0, fault.Cannot("use %q for %s: %v", text, flag, err).WithHint("give %s 20GB", flag).WithCode(fault.ExitUsage)
	}
	return n, nil
}

// open starts the engine. Images of running sandboxes stay in its store.
func (a *app) open(ctx context.Context) (*engine.Engine, error) {
	opts, err := a.engine.options()
	if err != nil {
		return nil, err
	}
	opts.Progress, opts.CAs = engine.Progress{Out: a.Err, TTY: terminal(a.Err)}, registryCAs()
	return engine.Open(ctx, opts, func() (map[string]bool, error) {
		sandboxes, err := a.local().List(ctx)
		used := map[string]bool{}
		for _, sb := range sandboxes {
			used[sb.Info().Image] = true
		}
		return used, err
	})
}

// An opening is an engine that is opened beside what is decided meanwhile.
type opening struct {
	open func() (*engine.Engine, error) // once
	stop context.CancelFunc
	must bool // it has begun, and nobody has taken it
}

// opening begins to open the engine of a project that was built before, if it is
// likely to be built now. Of a new one there is much to fetch, and another build is
// not to wait for that. It must be dropped.
func (a *app) opening(ctx context.Context, p project, likely bool) *opening {
	ctx, stop := context.WithCancel(ctx)
	o := &opening{open: func() (*engine.Engine, error) { return a.open(ctx) }, stop: stop}
	if _, err := os.Stat(projectRecords(p.dir)); err == nil && likely {
		o.open, o.must = beside(o.open), true
	}
	return o
}

// take gives the engine, which is then to be closed by who took it.
func (o *opening) take() (*engine.Engine, error) {
	o.must = false
	return o.open()
}

// drop ends the opening, also one that waits for another build, and closes an engine
// that nobody took. One that was taken must be closed by then.
func (o *opening) drop() {
	o.stop()
	if o.must {
		if e, err := o.open(); err == nil {
			_ = e.Close(context.Background()) // nothing was built in it
		}
	}
}
