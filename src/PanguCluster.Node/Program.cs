// Exit, not return: a thread that a library left in the foreground must not keep an ended node alive.
Environment.Exit(await PanguCluster.Node.Console.CommandLine.RunAsync(args));
