package config

// fileLogsShape has no fallbacks: a service inherits what it does not say.
func fileLogsShape() object[Logs] {
	return object[Logs]{
		like: "services.NAME.logs",
		fields: append(logsFields(),
			key("budget", func(l *Logs) *int64 { return &l.Budget }, size(4096, 1<<40),
				"The rotated files of all services together: the oldest of any service goes first. Only the file's logs have it.").otherwiseIs("no bound").such("500MB"),
		),
	}
}

func serviceLogsShape() object[Logs] {
	return object[Logs]{
		fields: logsFields(),
		never:  map[string]refusal{"budget": {why: "it is of all services together", hint: "write it under the file's logs; for this service there is total"}},
	}
}

func logsFields() []field[Logs] {
	return []field[Logs]{
		key("files", func(l *Logs) *int { return &l.Files }, whole[int]("a number of files", 1, 10_000),
			"How many rotated files are kept, not counting the current one.").otherwiseIs("10").such("20"),
		key("size", func(l *Logs) *int64 { return &l.Size }, size(4096, 1<<30),
			"The size at which the current file is rotated: kB, MB and GB count in thousands, KiB, MiB and GiB in 1024s.").otherwiseIs("1MB").such("10MiB"),
		key("total", func(l *Logs) *int64 { return &l.Total }, size(4096, 1<<40),
			"The rotated files of a service together: the oldest goes first. No less than size.").otherwiseIs("no bound but files").such("50MB"),
		key("stamp", func(l *Logs) *string { return &l.Stamp }, oneOf("iso8601", "tai64n", "none"),
			"What stands before each line of text.").otherwiseIs("iso8601").such("tai64n"),
		key("format", func(l *Logs) *string { return &l.Format }, oneOf("text", "json"),
			"Whether a line is written as it is, or as one JSON object with its time, service and stream, which needs no stamp.").otherwiseIs("text").such("json"),
		key("overflow", func(l *Logs) *string { return &l.Overflow }, oneOf("block", "drop-oldest"),
			"What happens while lines come faster than they can be written, as on a full disk: the service waits, or the oldest lines are lost, counted, and the gap is marked.").otherwiseIs("block").such("drop-oldest"),
		key("mirror", func(l *Logs) **bool { return &l.Mirror }, optional[bool]{truth()},
			"Whether each line also goes to the standard output of the supervisor, after the service's name.").otherwiseIs("false").such("true"),
	}
}
