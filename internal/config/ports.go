package config

import (
	"net/url"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v4"
)

// portShape reads the three forms of a published port.
type portShape struct{}

func portObject() object[Port] {
	return object[Port]{fields: []field[Port]{
		key("host", func(p *Port) *int { return &p.Host }, whole[int]("a port of the host", 0, 65535),
			"The port on 127.0.0.1 of the host; 0 is any free one.").or("0").such("13000"),
		key("box", func(p *Port) *int { return &p.Box }, portNumber(),
			"The port in the box.").must().such("3000"),
	}}
}

func (portShape) schema() *schema {
	return &schema{takes: `BOX, "HOST:BOX" or {host, box}`, AnyOf: []*schema{
		portNumber().schema(),
		{Type: "string", Pattern: `^([0-9]+:)?[0-9]+$`},
		portObject().schema(),
	}}
}

func (portShape) decode(d *decoder, p keyPath, n *yaml.Node) Port {
	value := n
	if n.Kind == yaml.AliasNode {
		value = n.Alias
	}
	if value.Kind == yaml.MappingNode {
		return portObject().decode(d, p, n)
	}
	return scalar[Port]{takes: portShape{}.schema().takes, parse: parsePort}.decode(d, p, n)
}

func parsePort(text string) (Port, *reason) {
	m := regexp.MustCompile(`^(?:([0-9]{1,5}):)?([0-9]{1,5})$`).FindStringSubmatch(text)
	if m == nil {
		return Port{}, &reason{"a port is BOX or HOST:BOX, and is published on 127.0.0.1 only", `such as 3000 or "13000:3000"`}
	}
	box, _ := strconv.Atoi(m[2])
	host, err := strconv.Atoi(m[1])
	if err != nil {
		host = box // BOX alone: the same on both sides
	}
	if host > 65535 || box < 1 || box > 65535 {
		return Port{}, &reason{why: "a port is 1 to 65535"}
	}
	return Port{Host: host, Box: box}, nil
}

// urlPort is the port that a request for u goes to.
func urlPort(u *url.URL) (int, bool) {
	if u.Port() == "" {
		return 80, true
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return int(n), err == nil && n > 0
}
