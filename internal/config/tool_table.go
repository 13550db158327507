package config

import "github.com/sandwright/sandwright/internal/spec"

func toolShape() object[Tool] {
	return object[Tool]{
		fields: append(append(sourceFields(), vouchedFields()...),
			key("files", func(t *Tool) *[]string { return &t.Files }, list[string]{of: checked("a path", below)},
				"The files and folders that are kept; * stands for any characters but a slash. Of oci, one must be named.").
				otherwiseIs("all").such("[bin, lib/*.so]"),
			key("bin", func(t *Tool) *[]string { return &t.Bin }, list[string]{of: checked("a path", below)},
				"The files that are put on PATH.").
				otherwiseIs("what the package's own bin says, or the file of the tool's name").such("[bin/node]"),
			key("check", func(t *Tool) *[]string { return &t.Check }, list[string]{of: anyText("an argument")},
				"The command that ends the tool's layer: a build with a tool that does not run here, such as for want of a shared library, fails and says why.").
				otherwiseIs("its program with --version").such("[gh, version]"),
			key("minimum-age", func(t *Tool) **spec.Duration { return &t.MinimumAge }, optional[spec.Duration]{age()},
				"How old the release must be to be locked. A deb is not held to it: Debian's archive says of no package when it was released.").otherwiseIs("the file's own minimum-age").such("0d"),
		),
		either: []string{"npm", "github", "url", "oci", "deb"},
	}
}

// sourceFields say where a tool comes from.
func sourceFields() []field[Tool] {
	return []field[Tool]{
		key("npm", func(t *Tool) *string { return &t.NPM }, checked("a package and its version", npmSpec),
			"An npm package and which versions of it: 10.28.0, ^10.28.0, ~10.28.0, 10.x, \">=10.20 <11\", latest or another tag. {arch} stands for npm's word for the architecture: x64 or arm64. "+
				"Of a package that only wraps one for each platform, that one is taken.").such("pnpm@10.28.0"),
		key("closure", func(t *Tool) *bool { return &t.Closure }, truth(),
			"Of npm: whether the package's dependencies are pinned and installed with it. No script of theirs runs.").or("false").such("true"),
		key("github", func(t *Tool) *string { return &t.GitHub }, checked("a repository and its version", githubSpec),
			"A repository of GitHub and which of its releases, as for npm. GITHUB_API_URL and GITHUB_TOKEN are those of GitHub's own tools.").such("cli/cli@^2.83.0"),
		key("asset", func(t *Tool) *string { return &t.Asset }, checked("a file's name", assetName),
			"Of github: the file of the release. {version}, {os} and {arch} stand for the release's version, linux, and amd64 or arm64.").such(`"gh_{version}_{os}_{arch}.tar.gz"`),
		key("url", func(t *Tool) *string { return &t.URL }, checked("an address", toolURL),
			"The address of one file, with {version}, {os} and {arch} as for asset. A redirect from https to http is refused.").such(`"https://example.com/tool-{version}-{arch}.tar.gz"`),
		key("version", func(t *Tool) *string { return &t.Version }, checked("a version", exactVersion),
			"Of url: what {version} stands for.").such("2.83.0"),
		key("oci", func(t *Tool) *string { return &t.OCI }, checked("an image's reference", imageReference),
			"An OCI image that files are taken out of.").such("busybox:1.37-musl"),
		key("deb", func(t *Tool) *string { return &t.Deb }, checked("a Debian package", debSpec),
			"A package of Debian's archive: NAME, NAME=VERSION or NAME/SUITE. What it depends on must be in the base.").such("ripgrep"),
		key("arch", func(t *Tool) *map[string]string { return &t.Arch },
			dict[string]{nameRule(`amd64|arm64`, "it is amd64 or arm64"), checked("a word", notEmpty), "ARCH"},
			"What {arch} stands for, where it is another word.").such("{amd64: x86_64, arm64: aarch64}"),
	}
}

func registriesShape() object[Registries] {
	return object[Registries]{fields: []field[Registries]{
		key("npm", func(r *Registries) *string { return &r.NPM }, checked("an address", registryURL),
			"The registry of npm packages. Variables of npm's own go before it, npmrc files of the user after it.").such("https://npm.example.com/"),
		key("debian", func(r *Registries) *string { return &r.Debian }, checked("an address", registryURL),
			"Debian's archive. Its lists are verified with Debian's own keys.").such("https://mirror.example.com/debian"),
		key("debian-security", func(r *Registries) *string { return &r.DebianSecurity }, checked("an address", registryURL),
			"Debian's archive of security updates.").such("https://mirror.example.com/debian-security"),
		key("oci", func(r *Registries) *string { return &r.OCI },
			words("a host", `[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._/-]+)?`, "it is a host, and perhaps a port and a path"),
			"The registry of the images that name no host.").such("registry.example.com"),
	}}
}
