using System.CommandLine;

var root = new RootCommand("Breaks a real PanguCluster on purpose, and shows that nobody who uses it can tell.");
return await root.Parse(args).InvokeAsync();
