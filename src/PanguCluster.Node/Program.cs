return await PanguCluster.Node.Console.CommandLine.RunAsync(args);
