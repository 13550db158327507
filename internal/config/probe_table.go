package config

import (
	"slices"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// probeKinds are the keys of which a probe has exactly one, and what may be
// said with each. Of a kind that only listens nothing is asked.
func probeKinds() []probeKind {
	asked := []string{"interval", "attempt", "failures", "successes"}
	return []probeKind{
		{"http", append([]string{"status", "headers", "body", "socket"}, asked...)},
		{"tcp", append([]string{"socket"}, asked...)},
		{"exec", asked},
		{"grpc", append([]string{"socket"}, asked...)},
		{"notify", nil},
		{"fd", nil},
		{"log", nil},
	}
}

type probeKind struct {
	name string
	with []string
}

// asks tells whether the probe asks, rather than listens.
func asks(p *spec.Probe) bool { return p.HTTP != "" || p.TCP != "" || len(p.Exec) > 0 || p.GRPC != "" }

// readyShape has every key; start and live have most.
func readyShape() object[spec.Probe] {
	wait := span(10*time.Millisecond, time.Hour)
	count := whole[int]("a count", 1, 1000)
	o := object[spec.Probe]{
		fields: append(kindFields(),
			key("interval", func(p *spec.Probe) *spec.Duration { return &p.Interval }, wait,
				"The time from one attempt to the next. Until it is ready for the first time it is asked every 250ms, or more often where the interval is shorter, and sooner at first: after 10ms, 20ms, 40ms.").otherwiseIs("10s").such("5s"),
			key("attempt", func(p *spec.Probe) *spec.Duration { return &p.Timeout }, wait,
				"The time that one attempt may take.").otherwiseIs("2s").such("5s"),
			key("timeout", func(p *spec.Probe) *spec.Duration { return &p.Deadline }, span(10*time.Millisecond, 24*time.Hour),
				"The time from start to the first success, after which the service has failed. Where there is a start probe, it begins with that one's success.").or("30s").such("2m"),
			key("failures", func(p *spec.Probe) *int { return &p.Failures }, count,
				"So many failures in a row, once it was ready, and it is not ready any more.").otherwiseIs("3").such("5"),
			key("successes", func(p *spec.Probe) *int { return &p.Successes }, count,
				"So many successes in a row, and it is ready.").otherwiseIs("1").such("2"),
		),
		others: map[string]string{
			"every": "interval", "period": "interval", "periodSeconds": "interval", "start_interval": "interval", "timeoutSeconds": "attempt", "deadline": "timeout",
			"start_period": "timeout", "retries": "failures", "failureThreshold": "failures", "successThreshold": "successes",
			"test": "exec", "command": "exec", "url": "http", "httpGet": "http", "https": "http", "tcpSocket": "tcp", "port": "tcp", "unix": "socket",
		},
	}
	for _, kind := range probeKinds() {
		o.either = append(o.either, kind.name)
	}
	return o
}

// startShape is asked until its first success, and never again.
func startShape() object[spec.Probe] {
	const once = "a start probe is asked until its first success, and its timeout decides"
	o := without(readyShape(), map[string]refusal{"failures": {why: once, hint: "remove it"}, "successes": {why: once, hint: "remove it"}})
	o.like = "services.NAME.ready"
	o.explain("interval", "The time from one attempt to the next. The first come sooner: after 10ms, 20ms, 40ms.", "250ms")
	o.explain("timeout", "The time from start to the first success, after which the service has failed.", "")
	return o
}

// liveShape has no kind that says something once only.
func liveShape() object[spec.Probe] {
	const again = "it is heard once only, and a live probe asks again and again"
	const instead = "use http, tcp, exec, grpc or notify"
	o := without(readyShape(), map[string]refusal{
		"fd": {again, instead, true}, "log": {again, instead, true},
		"timeout":   {why: "a live probe does not wait for a first success", hint: "the time of one attempt is called attempt; remove timeout"},
		"successes": {why: "one success is enough", hint: "remove it"},
	})
	o.like = "services.NAME.ready"
	o.explain("notify", "The service says WATCHDOG=1 by sd_notify at least once an interval.", "")
	o.explain("interval", "The time from one attempt to the next. With notify, the longest time without WATCHDOG=1.", "10s")
	o.explain("attempt", "The time that one attempt may take.", "1s")
	o.explain("failures", "So many failures in a row, and the service is restarted.", "3; 1 for notify")
	return o
}

// without takes keys away, and says why to those who look for them.
func without(o object[spec.Probe], never map[string]refusal) object[spec.Probe] {
	gone := func(name string) bool { _, ok := never[name]; return ok }
	o.fields = slices.DeleteFunc(o.fields, func(f field[spec.Probe]) bool { return gone(f.key) })
	o.either = slices.DeleteFunc(o.either, gone)
	o.never = never
	return o
}

// explain says anew what a key is for; otherwise empty: its default stays.
func (o object[T]) explain(name, about, otherwise string) {
	for i := range o.fields {
		if f := &o.fields[i]; f.key == name {
			f.about = about
			if otherwise != "" {
				f.otherwise = otherwise
			}
		}
	}
}

// kindFields are the kinds of probe and what belongs to one of them.
func kindFields() []field[spec.Probe] {
	return []field[spec.Probe]{
		key("fd", func(p *spec.Probe) *int { return &p.FD }, whole[int]("a descriptor for readiness", 3, 255),
			"The descriptor on which the service writes a newline once it is ready, as s6's notification-fd. With timeout only.").such("3"),
		key("http", func(p *spec.Probe) *string { return &p.HTTP }, checked("an http URL", probeURL),
			"An address inside the box that answers a GET. No redirect is followed, and no certificate of https is verified.").such("http://127.0.0.1:3000/health"),
		key("tcp", func(p *spec.Probe) *string { return &p.TCP }, checked("an address, such as 127.0.0.1:5432", probeAddress),
			"HOST:PORT inside the box that takes a connection.").such("127.0.0.1:5432"),
		key("exec", func(p *spec.Probe) *[]string { return &p.Exec }, commandShape("exec"),
			"A command that exits 0. It runs as the service does: same user, folder, environment and limits.").such("[pg_isready]"),
		key("grpc", func(p *spec.Probe) *string { return &p.GRPC }, checked("an address, such as 127.0.0.1:50051/SERVICE", grpcAddress),
			"HOST:PORT or HOST:PORT/SERVICE inside the box that answers the health protocol of gRPC with SERVING, without TLS.").such("127.0.0.1:50051/orders"),
		key("notify", func(p *spec.Probe) *bool { return &p.Notify }, trueOnly("it is true, or left out"),
			"The service says READY=1 by sd_notify, to the socket that NOTIFY_SOCKET names. With timeout only.").such("true"),
		key("log", func(p *spec.Probe) *string { return &p.Log }, checked("a regular expression", regularExpression),
			"A regular expression (RE2) that matches a line of the service's output. With timeout only.").such("\"listening on .*\""),
		key("status", func(p *spec.Probe) *string { return &p.Status }, as(checked("statuses, such as 200-299,304", statusRanges), withoutSpaces),
			"The statuses of http that count as success: codes and ranges, with commas between.").otherwiseIs("200-399").such("200-299"),
		key("headers", func(p *spec.Probe) *map[string]string { return &p.Headers },
			dict[string]{headerName(), checked("a text", headerValue), "NAME"},
			"Headers that http sends. They are written into the image: no place for a secret.").such("{X-Probe: \"yes\"}"),
		key("body", func(p *spec.Probe) *string { return &p.Body }, checked("a regular expression", regularExpression),
			"A regular expression (RE2) that the answer to http matches, in its first 64 KiB.").such("\"ok\""),
		key("socket", func(p *spec.Probe) *string { return &p.Socket }, checked("a path", socketPath),
			"The unix socket in the box that http, tcp or grpc speaks through, in place of the address's host and port.").such("/run/web/web.sock"),
	}
}
