import PackagePlugin

/// Writes the commit that is built into the target, as a constant, before each build.
@main
struct CommitStamp: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) -> [Command] {
    let folder = context.pluginWorkDirectoryURL.appending(path: "Generated")
    return [
      .prebuildCommand(
        displayName: "Naming the commit",
        executable: context.package.directoryURL.appending(path: "Scripts/stamp-commit"),
        arguments: [folder.appending(path: "Commit.swift").path()],
        outputFilesDirectory: folder)
    ]
  }
}
