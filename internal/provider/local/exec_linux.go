package local

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net"
	"os"
	"os/signal"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/provider"
)

// execPatience is how long a command that was told to end is waited for, and
// output that something in the background still holds open.
const execPatience = 3 * time.Second

// Exec implements provider.Sandbox. The shim runs the command, so that it can
// end it when this process is gone.
func (s *sandbox) Exec(ctx context.Context, e provider.Exec) (int, error) {
	shim, err := s.rec.Shim.open()
	if err != nil {
		return fault.ExitFailed, fault.Cannot("run a command in sandbox %q: it has ended", s.rec.Info.Name).WithHint("run: sandwright up")
	}
	shim.Close()
	p := s.process(e)
	if err := s.runnable(p); err != nil {
		return fault.Code(err), err
	}
	code, err := s.run(ctx, p, e)
	if ctx.Err() != nil {
		return fault.ExitFailed, ctx.Err()
	}
	if err != nil {
		return fault.ExitFailed, fault.Cannot("run a command in sandbox %q: %w", s.rec.Info.Name, err)
	}
	return code, nil
}

// run hands p and its streams to the shim and waits for its end.
func (s *sandbox) run(ctx context.Context, p *specs.Process, e provider.Exec) (int, error) {
	conn, err := s.place.dial(ctx, execSocket)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	file, err := memoryFile("process", p)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	streams, err := openStreams(e, p.Terminal)
	if err != nil {
		return 0, err
	}
	defer streams.close()
	if err := sendFiles(conn, append([]*os.File{file}, streams.remote...)); err != nil {
		return 0, err
	}
	streams.start()
	stop := s.forward(ctx, conn, p.Terminal)
	defer stop()
	var end execEnd
	if err := json.NewDecoder(conn).Decode(&end); err != nil {
		return 0, err
	}
	streams.finish()
	return end.Code, end.err()
}

// forward passes the end of ctx on as SIGTERM, and then cuts the connection,
// which kills. With a terminal it also passes on that its size has changed.
func (s *sandbox) forward(ctx context.Context, conn net.Conn, terminal bool) (stop func()) {
	resized := make(chan os.Signal, 1)
	if terminal {
		signal.Notify(resized, unix.SIGWINCH)
	}
	over := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-resized:
				_, _ = conn.Write([]byte{byte(unix.SIGWINCH)})
				continue
			case <-ctx.Done():
				_, _ = conn.Write([]byte{byte(unix.SIGTERM)})
			case <-over:
				return
			}
			select {
			case <-over:
			case <-time.After(execPatience):
				conn.Close()
			}
			return
		}
	}()
	return func() { signal.Stop(resized); close(over); <-ended }
}

// process is what the runtime is told of e.
func (s *sandbox) process(e provider.Exec) *specs.Process {
	env := maps.Clone(s.rec.Env)
	if env == nil {
		env = make(map[string]string)
	}
	user := s.rec.User
	if e.Root {
		user.UID, user.GID, user.Home = 0, 0, "/root"
		env["HOME"] = user.Home
	}
	if _, ok := env["HOME"]; !ok {
		env["HOME"] = cmp.Or(user.Home, "/")
	}
	terminal := isTerminal(e.Stdin) && isTerminal(e.Stdout)
	if terminal {
		env["TERM"] = cmp.Or(os.Getenv("TERM"), "xterm")
	}
	maps.Copy(env, e.Env)
	p := rootProcess(env, e.Argv...)
	p.User = specs.User{UID: user.UID, GID: user.GID}
	p.Cwd = cmp.Or(e.Dir, s.rec.Dir, "/")
	p.Terminal = terminal
	if terminal {
		p.ConsoleSize = windowSize(e.Stdout)
	}
	return p
}

func isTerminal(stream any) bool { return windowSize(stream) != nil }

// windowSize is nil for what is no terminal.
func windowSize(stream any) *specs.Box {
	f, ok := stream.(*os.File)
	if !ok {
		return nil
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return nil
	}
	return &specs.Box{Height: uint(size.Row), Width: uint(size.Col)}
}
