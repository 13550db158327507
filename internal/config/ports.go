package config

import (
	"regexp"
	"strconv"
)

// portShape reads the three forms of a published port.
func portShape() form[Port] {
	low, high := 1, 65535
	const takes = `BOX, "HOST:BOX" or {host, box}`
	return form[Port]{
		takes: takes,
		text: scalar[Port]{
			takes: takes,
			parse: parsePort,
			json:  schema{Type: []string{"integer", "string"}, Minimum: &low, Maximum: &high, Pattern: `^([0-9]+:)?[0-9]+$`},
		},
		long: object[Port]{fields: []field[Port]{
			key("host", func(p *Port) *int { return &p.Host }, whole[int]("a port of the host", 0, 65535),
				"The port on 127.0.0.1 of the host; 0 is any free one.").or("0").such("13000"),
			key("box", func(p *Port) *int { return &p.Box }, portNumber(),
				"The port in the box.").must().such("3000"),
		}},
	}
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
