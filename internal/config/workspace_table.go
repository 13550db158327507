package config

import (
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

func workspaceShape() object[Workspace] {
	return object[Workspace]{
		fields: append([]field[Workspace]{
			key("root", func(w *Workspace) *string { return &w.Root }, checked("a path", relative),
				"The workspace's folder on the host, relative to the file.").or(".").such(".."),
			key("target", func(w *Workspace) *string { return &w.Target }, checked("a path", boxFolder),
				"Where the workspace stands in the box.").otherwiseIs("user.home, /src/ and the name").such("/home/iterate/src/app"),
			key("build", func(w *Workspace) *[]BuildStep { return &w.Build }, list[BuildStep]{of: buildShape()},
				"Commands that run after the install, in order.").such("[{run: pnpm -r build}]"),
			key("at-start", func(w *Workspace) *string { return &w.AtStart }, oneOf("install", "require", "check", "off"),
				"What follows where the workspace in the box is not, when the sandbox starts, what its dependencies were installed from, as after a pull or with a volume in its place: install runs the steps that read what differs, and then starts the services, whatever came of it; require does not start them before the steps have succeeded; check says what differs; off does not look. Services wait only where something differs.").or("install").such("check"),
			key("at-start-timeout", func(w *Workspace) *spec.Duration { return &w.AtStartTimeout }, span(time.Second, 24*time.Hour),
				"How long each command that runs then may take.").or("15m").such("5m"),
			key("nested", func(w *Workspace) *[]Nested { return &w.Nested }, list[Nested]{of: nestedShape()},
				"Workspaces with a lock file of their own in folders of this one, which are installed after it.").such("[{dir: tools/site, manager: npm@11.6.0}]"),
		}, installingFields(func(w *Workspace) *Installing { return &w.Installing })...),
	}
}

func nestedShape() object[Nested] {
	return object[Nested]{
		fields: append([]field[Nested]{
			key("dir", func(n *Nested) *string { return &n.Dir }, checked("a path", nestedFolder),
				"The folder, relative to workspace.root.").must().such("tools/site"),
		}, installingFields(func(n *Nested) *Installing { return &n.Installing })...),
	}
}

// nestedFolder accepts a folder below the workspace that is not the workspace.
func nestedFolder(text string) *reason {
	if text == "." {
		return &reason{"it is the workspace itself", "say manager and allow-scripts of workspace itself"}
	}
	return below(text)
}

// installingFields are the keys that say how a workspace is installed.
func installingFields[V any](of func(*V) *Installing) []field[V] {
	return []field[V]{
		key("manager", func(v *V) *string { return &of(v).Manager },
			words("a package manager", `none|(pnpm|npm|yarn|bun)(@[^@\s][^@]*)?`, "a package manager is pnpm, npm, yarn or bun, with a version or a range after an @, or without; none installs nothing"),
			"The package manager that installs, or none where nothing is to be installed, or a build step with network does: as it has no lock file to hold to, it is not reproducible. Its version is a version or a range; without one it is that of packageManager or devEngines in package.json, or that of the tool of its name.").
			otherwiseIs("packageManager or devEngines of package.json, or whose lock file is there").such("npm@11.6.0"),
		key("allow-scripts", func(v *V) *[]string { return &of(v).AllowScripts }, list[string]{of: checked("a package's name", notEmpty)},
			"Dependencies whose install scripts run. It is for npm and yarn classic, and pnpm before version 10: the other package managers have a list of their own, which holds (onlyBuiltDependencies or allowBuilds of pnpm, dependenciesMeta of yarn, trustedDependencies of bun, allowScripts of npm).").such("[esbuild]"),
		key("env", func(v *V) *[]string { return &of(v).Env }, list[string]{of: anyText("a variable's name")},
			"The variables with scope build that the install and the scripts it runs see. Another value installs again.").such("[PUPPETEER_SKIP_DOWNLOAD]"),
		key("fetch", func(v *V) *string { return &of(v).Fetch }, oneOf("install", "apart"),
			"When packages are fetched: with the install, or apart, in a layer of its own before it that is made from the lock file, its patches and the settings alone, with the install over it offline. Apart costs a start of the package manager, and saves a machine without its store that shares a cache the download where only manifests differ. pnpm alone can.").or("install").such("apart"),
		key("hooks", func(v *V) *string { return &of(v).Hooks }, oneOf("source", "install"),
			"When the workspace's own preinstall, install, postinstall and prepare scripts run: after the install, over hook-inputs, or with the install, which then has no more of the source than manifests, the files that those scripts name and what these import, and runs them again for nothing else.").or("source").such("install"),
		key("hook-inputs", func(v *V) *[]string { return &of(v).HookInputs }, list[string]{of: checked("a pattern", treePattern)},
			"What those scripts see of the source, as inputs of a build step, relative to workspace.root; they do not run again for a change of anything else. [\"*\"] is all of it.").
			otherwiseIs("the packages that have such scripts, those of the workspace that they depend on, what the scripts name, and what is outside the top folders that have packages in them; all of the workspace where a script runs over it as a whole, as pnpm -r and turbo do").such("[packages/db, tsconfig.base.json]"),
		key("trust-lockfile", func(v *V) *bool { return &of(v).TrustLockfile }, truth(),
			"Whether pnpm 11 takes the lock file as it is, and does not hold minimumReleaseAge and trustPolicy against each of its entries again. Without it the verdict is kept for each lock file.").or("false").such("true"),
	}
}

func buildShape() object[BuildStep] {
	return object[BuildStep]{
		fields: []field[BuildStep]{
			key("run", func(b *BuildStep) *string { return &b.Run }, checked("a command", notEmpty),
				"The command, given to sh -c in workspace.target. Its folder is a repository only with git: true.").must().such("pnpm -r build"),
			key("dir", func(b *BuildStep) *string { return &b.Dir }, checked("a path", below),
				"The folder that the command runs in, relative to workspace.target. Where it is a package, inputs is, without being said, that package, those of the workspace that it depends on, and what is outside the top folders that have packages in them, but for this file and its lock.").or(".").such("apps/web"),
			key("inputs", func(b *BuildStep) *[]string { return &b.Inputs }, list[string]{of: checked("a pattern", treePattern)},
				"What the command sees of the workspace, beside what was installed: folders, or patterns as in a .dockerignore. It does not run again for a change of anything else.").otherwiseIs("see dir; all of the workspace for a step without a package").such("[apps/web, packages/*]"),
			key("outputs", func(b *BuildStep) *[]string { return &b.Outputs }, list[string]{of: checked("a path", outputPath)},
				"The folders and files that the command leaves in the image, relative to workspace.target, in place of what is there. A step with inputs sees those of an earlier step that its inputs match; steps that see nothing of each other run side by side.").otherwiseIs("all that it writes in the workspace").such("[apps/web/dist]"),
			key("network", func(b *BuildStep) *bool { return &b.Network }, truth(),
				"Whether the command has a network.").or("false").such("true"),
			key("git", func(b *BuildStep) *bool { return &b.Git }, truth(),
				"Whether the command sees the repository that the box gets: what is committed, which git log and git describe ask for, and no index, so that git status has no answer. It runs again for each commit. What it writes there is gone with it.").or("false").such("true"),
			key("ssh", func(b *BuildStep) *string { return &b.SSH }, agentID(),
				"Whether the command reaches an SSH agent of whoever builds, which signs for it and shows no key: that of SSH_AUTH_SOCK or of --ssh default=PATH, or, for an ID here, that of --ssh ID=PATH. It needs network.").or("false").such("true"),
			key("env", func(b *BuildStep) *[]string { return &b.Env }, list[string]{of: anyText("a variable's name")},
				"The variables with scope build that the command sees.").such("[SENTRY_RELEASE]"),
			key("tools", func(b *BuildStep) *[]string { return &b.Tools }, list[string]{of: anyText("a tool's name")},
				"The tools that the command runs. All steps have node and the package manager; only what stands here can change what another tool does to the build.").such("[buf]"),
		},
	}
}
