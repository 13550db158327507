package engine

import (
	"errors"
	"net"
	"os"
	"strings"

	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/sshforward/sshprovider"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/smallfile"
)

// sshAgents are the session's door to agents and keys. A key stays in this
// process, which signs with it.
func sshAgents(all []SSHAgent) ([]session.Attachable, error) {
	if len(all) == 0 {
		return nil, nil
	}
	var configs []sshprovider.AgentConfig
	var faults fault.List
	for _, a := range all {
		for _, path := range a.Paths {
			faults = append(faults, fault.All(signs(path))...)
		}
		configs = append(configs, sshprovider.AgentConfig{ID: a.ID, Paths: a.Paths})
	}
	if len(faults) > 0 {
		return nil, faults.Err()
	}
	door, err := sshprovider.NewSSHAgentProvider(configs)
	if err != nil {
		return nil, fault.Cannot("sign for build steps: %v", err).WithHint("give one socket of an agent, or files of keys, for each ID")
	}
	return []session.Attachable{door}, nil
}

// signs looks at a path before a build: an agent listens there, or it is a key.
func signs(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fault.Cannot("reach the SSH agent at %s: %w", path, cause(err)).WithHint("run: eval $(ssh-agent) && ssh-add")
	case info.Mode()&os.ModeSocket != 0:
		conn, err := net.DialTimeout("unix", path, answerDeadline)
		if err != nil {
			return fault.Cannot("reach the SSH agent at %s: %w", path, cause(err)).WithHint("run: eval $(ssh-agent) && ssh-add")
		}
		return conn.Close()
	case !info.Mode().IsRegular():
		return fault.Cannot("sign with %s: it is neither a socket nor a file of a key", path)
	}
	return isKey(path)
}

// maxKey bounds the file of a key, in bytes.
const maxKey = 100 << 10

// isKey tells what is wrong with a file that is to be a key. BuildKit reads it.
func isKey(path string) error {
	data, err := smallfile.Read(path, maxKey)
	if err != nil {
		return fault.Cannot("read the SSH key %s: %w", path, err)
	}
	_, err = sshprovider.NewSSHAgentProvider([]sshprovider.AgentConfig{{Paths: []string{path}}})
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), "passphrase"):
		return fault.Cannot("use the SSH key %s: it has a passphrase", path).WithHint("run: eval $(ssh-agent) && ssh-add %s; then give --ssh default", path)
	case strings.HasPrefix(string(data), "ssh-"):
		return fault.Cannot("use the SSH key %s: it is the public half", path).WithHint("give %s", strings.TrimSuffix(path, ".pub"))
	default:
		return fault.Cannot("use the SSH key %s: it is no private key in a format that is known", path)
	}
}

// cause leaves out the path, which the message has.
func cause(err error) error {
	var path *os.PathError
	var call *net.OpError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &call):
		return call.Err
	}
	return err
}
