package config

import (
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// serviceShape is what a service may say. Which keys go together is for check.
func serviceShape() object[Service] {
	fields := []field[Service]{
		key("command", func(s *Service) *[]string { return &s.Command }, commandShape("command"),
			"The program and its arguments. No shell reads them. A service has either this or s6.").otherwiseIs("none, it or s6 must be given").such("[node, server.js]"),
		key("s6", func(s *Service) *string { return &s.S6 }, checked("a path", s6Folder),
			"The folder of an s6 service directory, which is run as s6 runs it: a folder of the workspace, or an absolute path in the box. Such a service says by its own files what other keys say here: only env, after, port and logs go with it.").otherwiseIs("none, it or command must be given").such("sandbox/s6-daemons/legacy"),
		key("task", func(s *Service) **spec.Task { return &s.Task }, taskShape(),
			"Makes it a task, such as a migration: it runs once, and is done when it exits 0. Services that come after it wait for exited-ok. A task has no probes.").otherwiseIs("it is a service, and is meant to stay").such("{deadline: 2m}"),
		key("dir", func(s *Service) *string { return &s.Dir }, checked("a path", below),
			"Where it starts, relative to workspace.target.").or(".").such("apps/daemon"),
		key("user", func(s *Service) *string { return &s.User }, checked("a user, such as 1000:1000 or postgres", userAndGroup()),
			"Who it runs as: USER or USER:GROUP, names or numbers. Other names than root and user.name are looked up in the box when it starts.").otherwiseIs("user.name").such("postgres"),
		key("env", func(s *Service) *ServiceEnv { return &s.ServiceEnv }, serviceEnvShape(),
			"Variables of this service, over those of the file's env: a text is a fixed value, a mapping declares a variable of its own, with the keys of the file's env but scope and services.").such("{NODE_ENV: production, PORT: {type: port, default: 3000}}"),
		key("after", func(s *Service) *map[string]string { return &s.After },
			dict[string]{plainName(), oneOf(string(spec.Started), string(spec.Ready), string(spec.ExitedOK)), "SERVICE"},
			"The services that must be started or ready before it starts, and the tasks that must have exited with 0 (exited-ok). They are stopped in the reverse order.").such("{database: ready}"),
		key("ready", func(s *Service) **spec.Probe { return &s.Ready }, optional[spec.Probe]{readyShape()},
			"How it shows that it is ready: exactly one of fd, http, tcp, exec, grpc, notify and log, and how often it is asked. What comes after it waits for that, and so does the sandbox.").otherwiseIs("ready once started, and once start has succeeded where there is one").such("{http: \"http://127.0.0.1:3000/health\"}"),
		key("start", func(s *Service) **spec.Probe { return &s.Start }, optional[spec.Probe]{startShape()},
			"How it shows that it has come up. Ready and live are not asked before. For a service that takes long to start and is then to be watched closely.").such("{tcp: 127.0.0.1:3000, timeout: 60s}"),
		key("live", func(s *Service) **spec.Probe { return &s.Live }, optional[spec.Probe]{liveShape()},
			"How it shows that it still lives. It is restarted when it does not.").such("{http: \"http://127.0.0.1:3000/health\", failures: 3}"),
		key("restart", func(s *Service) *spec.Restart { return &s.Restart }, restartShape(),
			"Whether it is started again after it ended by itself, and how soon.").otherwiseIs("always; never for a task and for main").such("{policy: on-failure, limit: 5, within: 1m}"),
		key("stop", func(s *Service) *spec.Stop { return &s.Stop }, stopShape(),
			"How it is ended: a signal to its process group, and how long it may take before SIGKILL. A duration alone is the timeout.").or("10s").such("{signal: SIGINT, timeout: 30s}"),
	}
	return object[Service]{
		either: []string{"command", "s6"},
		fields: append(append(fields, limitFields()...),
			key("port", func(s *Service) *int { return &s.Port }, portNumber(),
				"The port that sandwright ps shows.").otherwiseIs("the port that ready asks").such("3000"),
			key("logs", func(s *Service) *Logs { return &s.Logs }, serviceLogsShape(),
				"What becomes of its output.").otherwiseIs("the file's logs, key by key").such("{files: 3}"),
		),
		others: map[string]string{
			"depends_on": "after", "entrypoint": "command", "args": "command", "environment": "env", "working_dir": "dir", "workdir": "dir", "cwd": "dir",
			"healthcheck": "ready", "readinessProbe": "ready", "startupProbe": "start", "livenessProbe": "live",
			"stop_grace_period": "stop", "stop_signal": "stop", "timeout": "stop", "oneshot": "task", "uid": "user", "group": "user",
			"mem_limit": "memory", "rlimits": "ulimits", "restartPolicy": "restart", "logging": "logs", "ports": "port", "capabilities": "cap-drop",
		},
	}
}

// commandShape is a program and its arguments.
func commandShape(name string) list[string] {
	return list[string]{of: anyText("a text"), head: checked("a program", notEmpty), hint: asList(name)}
}

// asList shows how a command that was written as one text is written as a list.
func asList(name string) func(string) string {
	return func(text string) string {
		if strings.ContainsAny(text, "|&;<>()$`\\\"'*?[]#~=%!{}:,") {
			return "write " + name + ": [sh, -c, …] with the text as the last item"
		}
		return "write " + name + ": [" + clip(strings.Join(strings.Fields(text), ", ")) + "]"
	}
}

func taskShape() form[*spec.Task] {
	return form[*spec.Task]{
		takes: "true or a mapping",
		text:  as(trueOnly("a service that is no task has no such key"), func(bool) *spec.Task { return &spec.Task{} }),
		long: optional[spec.Task]{object[spec.Task]{
			fields: []field[spec.Task]{
				key("deadline", func(t *spec.Task) *spec.Duration { return &t.Deadline }, span(10*time.Millisecond, 7*24*time.Hour),
					"The time that one run may take, after which it is ended and has failed.").otherwiseIs("none, it may take for ever").such("2m"),
			},
			others: map[string]string{"timeout": "deadline", "activeDeadlineSeconds": "deadline"},
		}},
	}
}

// restartShape has no fallbacks: complete knows what a task is.
func restartShape() form[spec.Restart] {
	policy := as(oneOf(string(spec.Always), string(spec.OnFailure), string(spec.Never)), func(text string) spec.RestartPolicy { return spec.RestartPolicy(text) })
	delay := span(10*time.Millisecond, time.Hour)
	return form[spec.Restart]{
		takes: "always, on-failure, never or a mapping",
		text:  as(policy, func(p spec.RestartPolicy) spec.Restart { return spec.Restart{Policy: p} }),
		long: object[spec.Restart]{
			fields: []field[spec.Restart]{
				key("policy", func(r *spec.Restart) *spec.RestartPolicy { return &r.Policy }, policy,
					"After which end it is started again: after any, after one that is not exit 0, or after none. A task is not restarted always.").otherwiseIs("always; never for a task and for main").such("on-failure"),
				key("min-delay", func(r *spec.Restart) *spec.Duration { return &r.MinDelay }, delay,
					"The time before the first restart. It doubles with each further one, less a random part of up to a quarter.").otherwiseIs("1s, or max-delay where that is less").such("500ms"),
				key("max-delay", func(r *spec.Restart) *spec.Duration { return &r.MaxDelay }, delay,
					"Where the doubling ends. After a run that lasted as long it begins anew.").otherwiseIs("30s, or min-delay where that is more").such("1m"),
				key("limit", func(r *spec.Restart) *int { return &r.StartLimit }, whole[int]("a number of starts", 1, 10_000),
					"So many starts within a time are the last: then the service has failed. The delays count towards the time: with those of the default, five starts take up to 15 s.").otherwiseIs("none").such("5"),
				key("within", func(r *spec.Restart) *spec.Duration { return &r.StartInterval }, span(time.Second, 24*time.Hour),
					"The time for limit.").otherwiseIs("1m where there is a limit").such("5m"),
			},
			others: map[string]string{"condition": "policy", "delay": "min-delay", "max_attempts": "limit", "window": "within", "burst": "limit", "interval": "within"},
		},
	}
}

func stopShape() form[spec.Stop] {
	timeout := span(0, time.Hour)
	return form[spec.Stop]{
		takes: "a duration, such as 30s, or a mapping",
		text:  as(timeout, func(d spec.Duration) spec.Stop { return spec.Stop{Timeout: d} }),
		long: object[spec.Stop]{fields: []field[spec.Stop]{
			key("signal", func(s *spec.Stop) *string { return &s.Signal }, signalName(),
				"What asks it to end: one of SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGABRT, SIGALRM, SIGUSR1, SIGUSR2, SIGWINCH, SIGPWR and SIGKILL, with or without SIG.").otherwiseIs("SIGTERM").such("SIGINT"),
			key("timeout", func(s *spec.Stop) *spec.Duration { return &s.Timeout }, timeout,
				"How long it may take to its end, before SIGKILL.").or("10s").such("30s"),
		}},
	}
}
