using System.CommandLine;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Kernels.Managed;
using PanguCluster.Model.Packing;
using PanguCluster.Native;
using PanguCluster.Node.Options;

namespace PanguCluster.Node.Console;

/// <summary>The options that verbs which compute on a model in this process share, and what their values mean.</summary>
public static class ModelOptions
{
    public const int MaxThreads = 256;

    public static Option<string?> Format(string description)
    {
        var option = new Option<string?>("--format") { Description = description, HelpName = "bf16|w8a8|w4a8" };
        option.AcceptOnlyFromAmong("bf16", "w8a8", "w4a8");
        return option;
    }

    public static PackFormat? FormatOf(string? name) => name switch
    {
        "bf16" => PackFormat.Bf16,
        "w8a8" => PackFormat.W8A8,
        "w4a8" => PackFormat.W4A8,
        _ => null,
    };

    public static Option<string?> Kv(string description)
    {
        var option = new Option<string?>("--kv") { Description = description, HelpName = KvTypes.Choices };
        option.AcceptOnlyFromAmong([.. KvTypes.Names]);
        return option;
    }

    public static Option<string> Kernels()
    {
        var option = new Option<string>("--kernels")
        {
            Description = "C++ kernels, or the slow reference with the same bits", HelpName = "native|managed", DefaultValueFactory = _ => "native",
        };
        option.AcceptOnlyFromAmong("native", "managed");
        return option;
    }

    /// <exception cref="CommandFailedException">The native library is not there or does not run on this machine.</exception>
    public static IKernels Open(string kernels)
    {
        if (kernels == "managed")
            return new ManagedKernels();
        try
        {
            return NativeKernels.Create();
        }
        catch (Exception e) when (e is PlatformNotSupportedException or DllNotFoundException)
        {
            throw new CommandFailedException(ExitCodes.Failed, $"the native kernels cannot run here: {e.Message}", e);
        }
    }

    public static Option<int> Threads() => new("--threads")
    {
        Description = "threads that compute; default all cores", HelpName = "N", DefaultValueFactory = _ => Environment.ProcessorCount,
    };

    /// <exception cref="CommandFailedException">Out of range.</exception>
    public static int InRange(string option, int value, int min, int max) =>
        value >= min && value <= max
            ? value
            : throw new CommandFailedException(ExitCodes.Usage, $"{option}: {value} is out of range: expected {min}..{max}");

    /// <summary>A packed model of any folder; a checkpoint is packed into the cache the first time, with progress on stderr.</summary>
    public static PackedModel Resolve(string folder, PackFormat? format, TextWriter error, CancellationToken stop) =>
        ProgressDisplay.Run(error, "packing", report => ModelLocator.Resolve(
            folder, format, ModelLocator.DefaultCacheRoot(), new PackReports(report), stop));
}
