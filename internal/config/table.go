package config

import (
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// fileShape is the whole of sandwright.yaml. The tables of this package
// are the one place where its keys are listed.
func fileShape() object[File] {
	return object[File]{
		fields: []field[File]{
			key("name", func(f *File) *string { return &f.Name },
				words("a name", `[a-z0-9][a-z0-9-]{0,62}`, "a name is 1 to 63 lower-case letters, digits or dashes, and does not start with a dash"),
				"The project's name. Images and sandboxes carry it.").must().such("my-sandbox"),
			key("base", func(f *File) *Base { return &f.Base }, baseShape(),
				"What the image starts from.").must().such("{debian: {suite: bookworm}}"),
			key("platforms", func(f *File) *[]string { return &f.Platforms },
				list[string]{of: oneOf("linux/amd64", "linux/arm64")},
				"The platforms that are locked and can be built.").otherwiseIs("the platform of this machine").such("[linux/amd64, linux/arm64]"),
			key("user", func(f *File) *User { return &f.User }, userShape(),
				"Who the services and the shell run as.").or("{}").such("{name: iterate, uid: 1000}"),
			key("workspace", func(f *File) *Workspace { return &f.Workspace }, workspaceShape(),
				"The monorepo that is staged, installed and built.").or("{}").such("{target: /home/iterate/src/app}"),
			key("tools", func(f *File) *map[string]Tool { return &f.Tools },
				dict[Tool]{serviceName(), toolShape(), "NAME"},
				"Pinned programs, each a layer of its own.").such(`{pnpm: {npm: pnpm@10.28.0}}`),
			key("env", func(f *File) *map[string]Variable { return &f.Env },
				dict[Variable]{variableName(), variableShape(), "NAME"},
				"The schema of every environment variable that the sandbox reads.").such("{PORT: {type: port, default: 3000}}"),
			key("services", func(f *File) *map[string]Service { return &f.Services },
				dict[Service]{serviceName(), serviceShape(), "NAME"},
				"The programs that run in the sandbox, supervised.").such("{web: {command: [node, server.js]}}"),
			key("logs", func(f *File) *Logs { return &f.Logs }, logsShape(),
				"How much of a service's log is kept. A service may say otherwise.").or("{}").such("{files: 20, size: 1MB}"),
			key("ports", func(f *File) *[]Port { return &f.Ports }, list[Port]{of: portShape{}},
				"Ports of the box that are published on 127.0.0.1 of the host: BOX takes the same port of the host, HOST:BOX another, 0:BOX any free one.").such(`[3000, "13001:3001"]`),
		},
		later: []string{"home", "registries"},
	}
}

func baseShape() object[Base] {
	return object[Base]{fields: []field[Base]{
		key("debian", func(b *Base) *Debian { return &b.Debian }, debianShape(),
			"Debian, bootstrapped from its own archive.").must().such("{suite: bookworm}"),
	}}
}

func debianShape() object[Debian] {
	return object[Debian]{fields: []field[Debian]{
		key("suite", func(d *Debian) *string { return &d.Suite },
			words("a suite", `[a-z]{2,32}`, "a suite is one lower-case word, such as bookworm"),
			"The release.").must().such("bookworm"),
		key("packages", func(d *Debian) *[]string { return &d.Packages },
			list[string]{of: words("a package name", `[a-z0-9][a-z0-9+.-]+`, "a package name is two or more lower-case letters, digits, dots, + or -")},
			"Packages on top of the minimal system.").such("[ca-certificates, git]"),
		key("security", func(d *Debian) *bool { return &d.Security }, truth(),
			"Whether the suite's security updates are taken too.").or("true").such("false"),
	}}
}

func userShape() object[User] {
	name := words("a user name", `[a-z_][a-z0-9_-]{0,31}`, "a user name is 1 to 32 lower-case letters, digits, dashes or underscores")
	letters := name.parse
	name.parse = func(text string) (string, *reason) {
		if text == "root" {
			return "", &reason{why: "services do not run as root"}
		}
		return letters(text)
	}
	return object[User]{fields: []field[User]{
		key("name", func(u *User) *string { return &u.Name }, name,
			"The name of the user and its group.").or("sandwright").such("iterate"),
		key("uid", func(u *User) *uint32 { return &u.UID }, whole[uint32]("a uid", 1, 65533),
			"The number of the user and its group.").or("1000").such("1000"),
		key("home", func(u *User) *string { return &u.Home }, checked("a path", boxFolder),
			"The home folder in the box.").otherwiseIs("/home/ and the name").such("/home/iterate"),
	}}
}

func workspaceShape() object[Workspace] {
	return object[Workspace]{
		fields: []field[Workspace]{
			key("root", func(w *Workspace) *string { return &w.Root }, checked("a path", relative),
				"The workspace's folder on the host, relative to the file.").or(".").such(".."),
			key("target", func(w *Workspace) *string { return &w.Target }, checked("a path", boxFolder),
				"Where the workspace stands in the box.").otherwiseIs("user.home, /src/ and the name").such("/home/iterate/src/app"),
			key("build", func(w *Workspace) *[]BuildStep { return &w.Build }, list[BuildStep]{of: buildShape()},
				"Commands that run after the install, in order.").such("[{run: pnpm -r build}]"),
		},
		later: []string{"manager"},
	}
}

func buildShape() object[BuildStep] {
	return object[BuildStep]{
		fields: []field[BuildStep]{
			key("run", func(b *BuildStep) *string { return &b.Run }, checked("a command", notEmpty),
				"The command, given to sh -c in workspace.target.").must().such("pnpm -r build"),
			key("network", func(b *BuildStep) *bool { return &b.Network }, truth(),
				"Whether the command has a network.").or("false").such("true"),
			key("env", func(b *BuildStep) *[]string { return &b.Env }, list[string]{of: anyText("a variable's name")},
				"The variables with scope build that the command sees.").such("[SENTRY_RELEASE]"),
		},
		later: []string{"inputs"},
	}
}

func toolShape() object[Tool] {
	return object[Tool]{
		fields: []field[Tool]{
			key("npm", func(t *Tool) *string { return &t.NPM }, checked("a package and its version", npmSpec),
				"An npm package at one exact version. {arch} stands for npm's word for the architecture: x64 or arm64.").must().such("pnpm@10.28.0"),
			key("bin", func(t *Tool) *[]string { return &t.Bin }, list[string]{of: checked("a path", below)},
				"The files of the package that are put on PATH.").otherwiseIs("what the package's own bin says").such("[bin/node]"),
		},
		later: []string{"url", "version", "minisign"},
	}
}

func variableShape() object[Variable] {
	var types []string
	for _, t := range spec.ValueTypes() {
		types = append(types, string(t))
	}
	return object[Variable]{fields: []field[Variable]{
		key("type", func(v *Variable) *string { return &v.Type }, oneOf(types...),
			"What the value must be. An int is a whole number, a bool true, false, 1 or 0, a port 1 to 65535, a url has a scheme and a host.").or("string").such("port"),
		key("values", func(v *Variable) *[]string { return &v.Values }, list[string]{of: anyText("a text")},
			"The values of an enum.").such("[debug, info]"),
		key("required", func(v *Variable) *bool { return &v.Required }, truth(),
			"Whether it must have a value. The empty text counts as none.").or("false").such("true"),
		key("default", func(v *Variable) **string { return &v.Default }, optional[string]{anyText("a text")},
			"The value it has when none is given.").such("3000"),
		key("secret", func(v *Variable) *bool { return &v.Secret }, truth(),
			"Whether its value is kept out of the image, of logs and of messages.").or("false").such("true"),
		key("description", func(v *Variable) *string { return &v.Description }, anyText("a text"),
			"What it is for.").such("where the server listens"),
		key("scope", func(v *Variable) *string { return &v.Scope }, oneOf(ScopeBuild, ScopeRun, ScopePublish),
			"When it is read: by the build, by the services, or by publishing.").or(ScopeRun).such(ScopeBuild),
		key("services", func(v *Variable) *[]string { return &v.Services }, list[string]{of: anyText("a service's name")},
			"The services that see it.").otherwiseIs("every service").such("[web]"),
	}}
}

func serviceShape() object[Service] {
	return object[Service]{
		fields: []field[Service]{
			key("command", func(s *Service) *[]string { return &s.Command },
				list[string]{of: anyText("a text"), head: checked("a program", notEmpty), hint: asList},
				"The program and its arguments. No shell reads them.").must().such("[node, server.js]"),
			key("dir", func(s *Service) *string { return &s.Dir }, checked("a path", below),
				"Where it starts, relative to workspace.target.").or(".").such("apps/daemon"),
			key("env", func(s *Service) *map[string]string { return &s.Env },
				dict[string]{variableName(), anyText("a text"), "NAME"},
				"Variables with a fixed value, over those of the file's env.").such("{NODE_ENV: production}"),
			key("after", func(s *Service) *map[string]string { return &s.After },
				dict[string]{serviceName(), oneOf(string(spec.Started), string(spec.Ready)), "SERVICE"},
				"The services that must be started or ready before it starts.").such("{database: ready}"),
			key("ready", func(s *Service) **Probe { return &s.Ready }, optional[Probe]{probeShape()},
				"How it becomes ready: by a newline on a descriptor or by an answer to a request.").otherwiseIs("ready once started").such("{http: \"http://127.0.0.1:3000/health\"}"),
			key("restart", func(s *Service) *string { return &s.Restart },
				oneOf(string(spec.Always), string(spec.OnFailure), string(spec.Never)),
				"Whether it is started again after it ended by itself.").or(string(spec.Always)).such(string(spec.OnFailure)),
			key("stop", func(s *Service) *time.Duration { return &s.Stop }, span(0, time.Hour),
				"How long it may take from SIGTERM to its end, before SIGKILL.").or("10s").such("30s"),
			key("port", func(s *Service) *int { return &s.Port }, portNumber(),
				"The port that sandwright ps shows.").otherwiseIs("the port of ready.http").such("3000"),
			key("logs", func(s *Service) *Logs { return &s.Logs }, logsShape(),
				"How much of its log is kept.").otherwiseIs("the file's logs, key by key").such("{files: 3}"),
		},
		later: []string{"live", "s6"},
	}
}

// asList shows how a command that was written as one text is written as a list.
func asList(text string) string {
	if strings.ContainsAny(text, "|&;<>()$`\\\"'*?[]#~=%!{}:,") {
		return "write command: [sh, -c, …] with the text as the last item"
	}
	return "write command: [" + clip(strings.Join(strings.Fields(text), ", ")) + "]"
}

func probeShape() object[Probe] {
	return object[Probe]{either: []string{"fd", "http"}, fields: []field[Probe]{
		key("fd", func(p *Probe) *int { return &p.FD }, whole[int]("a descriptor for readiness", 3, 255),
			"The descriptor on which the service writes a newline once it is ready, as s6's notification-fd.").such("3"),
		key("http", func(p *Probe) *string { return &p.HTTP }, checked("an http URL", probeURL),
			"The address inside the box that answers with 2xx or 3xx once the service is ready.").such("http://127.0.0.1:3000/health"),
		key("interval", func(p *Probe) *time.Duration { return &p.Interval }, span(10*time.Millisecond, time.Hour),
			"The time between two requests.").or("250ms").such("1s"),
		key("attempt", func(p *Probe) *time.Duration { return &p.Attempt }, span(10*time.Millisecond, time.Hour),
			"The time that one request may take.").or("2s").such("5s"),
		key("timeout", func(p *Probe) *time.Duration { return &p.Timeout }, span(10*time.Millisecond, 24*time.Hour),
			"The time from start to ready, after which the service has failed.").or("30s").such("2m"),
	}}
}

// logsShape has no fallbacks: a service inherits what it does not say.
func logsShape() object[Logs] {
	return object[Logs]{
		fields: []field[Logs]{
			key("files", func(l *Logs) *int { return &l.Files }, whole[int]("a number of files", 1, 10_000),
				"How many rotated files are kept, not counting the current one.").otherwiseIs("10").such("20"),
			key("size", func(l *Logs) *int64 { return &l.Size }, size(4096, 1<<30),
				"The size at which the current file is rotated: kB, MB and GB count in thousands, KiB, MiB and GiB in 1024s.").otherwiseIs("1MB").such("10MiB"),
			key("stamp", func(l *Logs) *string { return &l.Stamp }, oneOf("iso8601", "tai64n", "none"),
				"What stands before each line.").otherwiseIs("iso8601").such("tai64n"),
		},
		later: []string{"total"},
	}
}
