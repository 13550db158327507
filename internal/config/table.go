package config

import "github.com/sandwright/sandwright/internal/spec"

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
			key("exclude", func(f *File) *[]string { return &f.Exclude }, list[string]{of: checked("a pattern", treePattern)},
				"Patterns of what is not staged although git has it, as in a .dockerignore and after the patterns of one. The last pattern that matches a path, or a folder that it is in, decides.").such(`[docs, "**/*.mp4", "!docs/api.mp4"]`),
			key("include", func(f *File) *[]string { return &f.Include }, list[string]{of: checked("a pattern", treePattern)},
				"Patterns of what is staged although git ignores it or exclude drops it, such as generated files.").such("[packages/*/generated]"),
			key("links", func(f *File) *[]LinkRule { return &f.Links }, list[LinkRule]{of: linkRuleShape()},
				"What becomes of symbolic links. A link that leads out of the workspace ends the build unless a rule says otherwise; the last rule that matches decides.").such(`[{drop: tools/current}]`),
			key("budget", func(f *File) *int64 { return &f.Budget }, size(1, 1<<50),
				"How large all staged files may be together. A build that outgrows it fails, and says which files are the largest: kB, MB and GB count in thousands, KiB, MiB and GiB in 1024s.").otherwiseIs("no bound").such("200MB"),
			key("strict", func(f *File) *bool { return &f.Strict }, truth(),
				"Whether a staged file that looks like a secret ends the build, and is not only warned about: .env files, private keys, tokens in well-known formats. The values of secret variables end it in any case.").or("false").such("true"),
			key("not-secret", func(f *File) *[]string { return &f.NotSecret }, list[string]{of: checked("a pattern", treePattern)},
				"Patterns of files that look like secrets and hold none, such as the keys of tests.").such(`["**/testdata/**"]`),
			key("git", func(f *File) *string { return &f.Git }, oneOf("none", "head", "full"),
				"The repository that the box has at workspace.target: none, one with the commit that is checked out, or one with the history of that commit too. None of them has a remote, a hook or the configuration of the host's.").or("head").such("full"),
			key("git-config", func(f *File) *map[string]string { return &f.GitConfig },
				dict[string]{gitVariable(), checked("a text", headerValue), "VARIABLE"},
				"What the configuration of that repository says besides, such as a remote, or the folder of hooks that are committed. Whoever has the image reads it: no credentials.").such(`{remote.origin.url: "https://example.com/app.git", core.hooksPath: .githooks}`),
			key("tools", func(f *File) *map[string]Tool { return &f.Tools },
				dict[Tool]{plainName(), toolShape(), "NAME"},
				"Pinned programs, each a layer of its own.").such(`{pnpm: {npm: pnpm@10.28.0}}`),
			key("verify", func(f *File) *string { return &f.Verify }, oneOf("never", "boot"),
				"When PID 1 holds every file of the tools against the lock. With boot it does so before it starts a service, and starts none where one differs. sandwright tools verify does it at any time.").or("never").such("boot"),
			key("minimum-age", func(f *File) *spec.Duration { return &f.MinimumAge }, age(),
				"How old the release of a tool must be to be locked. A younger one is passed over, or refused where nothing else fits. Neither the base nor packages of Debian are held to it: nobody says when they were released, and a suite's own date is that of its last update, which may be a security fix.").such("7d"),
			key("registries", func(f *File) *Registries { return &f.Registries }, registriesShape(),
				"Where packages and images come from. The lock names none of it, so it can be made behind one mirror and used behind another.").
				otherwiseIs("what npm and apt are configured to use").such("{npm: https://npm.example.com/}"),
			key("trust", func(f *File) *Trust { return &f.Trust }, trustShape(),
				"Whom all tools trust, beside those whom each names.").or("{}").such("{sigstore: sandbox/trusted_root.jsonl}"),
			key("env", func(f *File) *map[string]Variable { return &f.Env },
				dict[Variable]{variableName(), variableShape(), "NAME"},
				"The schema of every environment variable that the sandbox reads.").such("{PORT: {type: port, default: 3000}}"),
			key("services", func(f *File) *map[string]Service { return &f.Services },
				dict[Service]{serviceName(), serviceShape(), "NAME"},
				"The programs that run in the sandbox, supervised.").such("{web: {command: [node, server.js]}}"),
			key("main", func(f *File) *string { return &f.Main }, anyText("a service's name"),
				"The service whose end ends the sandbox, with its exit code. It is restarted only where its own restart says so.").such("web"),
			key("logs", func(f *File) *Logs { return &f.Logs }, fileLogsShape(),
				"What becomes of a service's output: how much of it is kept, and how its lines look. A service may say otherwise.").or("{}").such("{files: 20, size: 1MB, budget: 500MB}"),
			key("ports", func(f *File) *[]Port { return &f.Ports }, list[Port]{of: portShape()},
				"Ports of the box that are published on 127.0.0.1 of the host: BOX takes the same port of the host, HOST:BOX another, 0:BOX any free one.").such(`[3000, "13001:3001"]`),
			key("image", func(f *File) *Image { return &f.Image }, imageShape(),
				"What is said of the image beside its files.").or("{}").such("{labels: {team: platform}, tags: [dev]}"),
			key("cache", func(f *File) *Cache { return &f.Cache }, cacheShape(),
				"Where builds on several machines share their layers.").otherwiseIs("none").such("{at: registry.example.com/team/cache, export: ci}"),
			key("publish", func(f *File) *Publish { return &f.Publish }, publishShape(),
				"Where sandwright publish puts the image.").or("{}").such("{registry: registry.example.com/team/app}"),
		},
		later: []string{"home"},
	}
}

func baseShape() object[Base] {
	return object[Base]{
		fields: []field[Base]{
			key("debian", func(b *Base) *Debian { return &b.Debian }, debianShape(),
				"Debian, bootstrapped from its own archive.").such("{suite: bookworm}"),
			key("image", func(b *Base) *string { return &b.Image }, checked("an image's reference", imageReference),
				"An OCI image, pinned for each platform by the digest of its manifest.").such("debian:bookworm-slim"),
			key("layout", func(b *Base) *string { return &b.Layout }, checked("a path", relative),
				"A folder in the OCI image layout, relative to the file, with one image for each platform.").such("images/base"),
			key("cosign", func(b *Base) **Identity { return &b.Cosign }, optional[Identity]{signerShape()},
				"Of image: who signs it with cosign.").such("{key: sandbox/cosign.pub}"),
			key("require", func(b *Base) *string { return &b.Require }, oneOf("integrity", "signature"),
				"Of image: what must be known of it at least, to lock it: only its digest, or a signature. integrity also lets it be weaker than what is locked.").
				otherwiseIs("no less than what is locked").such("signature"),
		},
		either: []string{"debian", "image", "layout"},
	}
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

func linkRuleShape() object[LinkRule] {
	return object[LinkRule]{
		fields: []field[LinkRule]{
			key("allow", func(l *LinkRule) *string { return &l.Allow }, checked("a pattern", treePattern),
				"A pattern of links that are kept wherever they lead. In the box they lead to what is there.").such("config/localtime"),
			key("drop", func(l *LinkRule) *string { return &l.Drop }, checked("a pattern", treePattern),
				"A pattern of links that are left out.").such("tools/current"),
			key("rewrite", func(l *LinkRule) *string { return &l.Rewrite }, checked("a pattern", treePattern),
				"A pattern of links that get another target.").such("shared"),
			key("to", func(l *LinkRule) *string { return &l.To }, checked("a path", relativeTarget),
				"The target of rewrite, relative to the folder of the link.").such("../packages/shared"),
		},
		either: []string{"allow", "drop", "rewrite"},
	}
}
