package cli

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/provider"
)

// portsOf is what is published: the file's ports, as --publish-all and
// --publish change them.
func portsOf(file *config.File, f upFlags) ([]provider.Port, error) {
	var ports []provider.Port
	for _, p := range file.Ports {
		if f.publishAll {
			p.Host = 0
		}
		ports = append(ports, provider.Port(p))
	}
	var faults fault.List
	for _, text := range f.publish {
		p, err := parsePort(text)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		ports = slices.DeleteFunc(ports, func(q provider.Port) bool { return q.Box == p.Box })
		ports = append(ports, p)
	}
	return ports, faults.Err()
}

// parsePort reads HOST:BOX, or PORT for both.
func parsePort(text string) (provider.Port, *fault.Fault) {
	host, box, found := strings.Cut(text, ":")
	if !found {
		box = host
	}
	var p provider.Port
	for i, to := range []*int{&p.Host, &p.Box} {
		n, err := strconv.ParseUint([]string{host, box}[i], 10, 16)
		if err != nil || n == 0 {
			return p, fault.Cannot("publish %q: a port is 1 to 65535", text).
				WithHint("write HOST:BOX, such as --publish 13000:3000").WithCode(fault.ExitUsage)
		}
		*to = int(n)
	}
	return p, nil
}
