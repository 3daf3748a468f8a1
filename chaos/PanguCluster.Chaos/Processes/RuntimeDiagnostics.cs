using System.Net.Sockets;
using System.Text;

namespace PanguCluster.Chaos.Processes;

/// <summary>Asks another process' .NET runtime for a garbage collection over its diagnostic port, as tracing tools do.</summary>
/// <remarks>dotnet/diagnostics documentation/design-docs/ipc-protocol.md.</remarks>
internal static class RuntimeDiagnostics
{
    private const byte EventPipe = 2;
    private const byte StopTracing = 1;
    private const byte CollectTracing = 2;
    private const byte Ok = 0;
    private const int HeaderBytes = 20;

    /// <summary>Opening a trace with this keyword of Microsoft-Windows-DotNETRuntime collects all generations.</summary>
    private const ulong HeapCollect = 0x800000;

    public static async Task CollectGarbageAsync(int processId)
    {
        string path = Directory.GetFiles(Path.GetTempPath(), $"dotnet-diagnostic-{processId}-*-socket").Single();
        using var trace = await ConnectAsync(path);
        ulong session = await AskAsync(trace, CollectTracing, writer =>
        {
            writer.Write(1); // MB of buffer
            writer.Write(1); // the nettrace format
            writer.Write(1); // providers
            writer.Write(HeapCollect);
            writer.Write(4); // informational
            Write(writer, "Microsoft-Windows-DotNETRuntime");
            Write(writer, "");
        });
        var draining = trace.CopyToAsync(Stream.Null);
        using var stop = await ConnectAsync(path);
        await AskAsync(stop, StopTracing, writer => writer.Write(session));
        await draining.WaitAsync(RunningProgram.Limit);
    }

    private static async Task<NetworkStream> ConnectAsync(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path));
        return new NetworkStream(socket, ownsSocket: true);
    }

    private static async Task<ulong> AskAsync(NetworkStream port, byte command, Action<BinaryWriter> writePayload)
    {
        using var payload = new MemoryStream();
        using (var writer = new BinaryWriter(payload, Encoding.Unicode, leaveOpen: true))
            writePayload(writer);
        int length = HeaderBytes + (int)payload.Length;
        await port.WriteAsync((byte[])[.. "DOTNET_IPC_V1\0"u8, (byte)length, (byte)(length >> 8), EventPipe, command, 0, 0, .. payload.ToArray()]);
        byte[] answer = new byte[HeaderBytes + 8];
        await port.ReadExactlyAsync(answer).AsTask().WaitAsync(RunningProgram.Limit);
        return answer[17] == Ok ? BitConverter.ToUInt64(answer, HeaderBytes) : throw new IOException($"the runtime refused command {command}: {Convert.ToHexString(answer)}");
    }

    private static void Write(BinaryWriter writer, string text)
    {
        writer.Write(text.Length + 1);
        writer.Write(Encoding.Unicode.GetBytes(text + "\0"));
    }
}
