using System.Globalization;

namespace PanguCluster.Node.Bench;

/// <summary>How much of the machine's cores other processes took since this was made: a figure of a busy machine says little.</summary>
public sealed class ForeignLoad
{
    private readonly (double Busy, double Total)? _start = Read();
    private readonly double _ownStart = Own();

    /// <summary>Share of all cores, 0 to 1; null where the system does not tell.</summary>
    public double? Share
    {
        get
        {
            if (_start is not { } start || Read() is not { } now || now.Total <= start.Total)
                return null;
            double own = (Own() - _ownStart) * TicksPerSecond;
            return Math.Clamp((now.Busy - start.Busy - own) / (now.Total - start.Total), 0, 1);
        }
    }

    /// <summary>USER_HZ: what /proc/stat counts in, fixed by the interface of Linux.</summary>
    private const double TicksPerSecond = 100;

    /// <summary>Busy and all ticks of a "cpu" line of /proc/stat: user nice system idle iowait irq softirq steal, then what user has counted already.</summary>
    public static (double Busy, double Total)? Parse(string line)
    {
        string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length < 9 || fields[0] != "cpu")
            return null;
        var ticks = new double[8];
        for (int i = 0; i < 8; i++)
            if (!double.TryParse(fields[i + 1], CultureInfo.InvariantCulture, out ticks[i]))
                return null;
        return (ticks.Sum() - ticks[3] - ticks[4], ticks.Sum());
    }

    private static (double Busy, double Total)? Read() =>
        OperatingSystem.IsLinux() && File.ReadLines("/proc/stat").FirstOrDefault() is { } line ? Parse(line) : null;

    private static double Own() => OperatingSystem.IsLinux() ? Environment.CpuUsage.TotalTime.TotalSeconds : 0;
}
