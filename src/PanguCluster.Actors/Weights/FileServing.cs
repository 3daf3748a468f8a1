using PanguCluster.Actors.Links;
using PanguCluster.Actors.Wire.Proto;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Weights;

/// <summary>Sends files of the model to peers, a few at a time, each over a connection of its own.</summary>
public sealed class FileServing(PackedModel model, FetchOptions options)
{
    private int _serving;

    /// <summary>Sends what the peer asked for and returns when it has gone, on the session's own thread.</summary>
    /// <exception cref="LinkException">Refused, and the peer told why; or the connection broke.</exception>
    internal void Serve(LinkSocket socket, LinkHello hello, LinkWelcome welcome)
    {
        if (Interlocked.Increment(ref _serving) > options.MaxServed)
        {
            Interlocked.Decrement(ref _serving);
            throw Refuse(socket, $"busy: {options.MaxServed} files are being sent", busy: true);
        }
        try
        {
            Send(socket, hello, welcome);
        }
        finally
        {
            Interlocked.Decrement(ref _serving);
        }
    }

    private void Send(LinkSocket socket, LinkHello hello, LinkWelcome welcome)
    {
        // Only names that the manifest lists: a peer chooses among them and never gives a path.
        var entry = model.Manifest.Files.FirstOrDefault(f => f.Name == hello.File) ?? throw Refuse(socket, "the manifest lists no such file");
        if (!model.HasFile(entry.Name))
            throw Refuse(socket, $"{entry.Name} is not here");
        if (hello.FileOffset < 0 || hello.FileOffset > entry.Bytes)
            throw Refuse(socket, $"file_offset {hello.FileOffset} is not in 0..{entry.Bytes}");
        try
        {
            using var file = File.OpenHandle(model.PathOf(entry.Name), options: FileOptions.SequentialScan);
            welcome.FileBytes = entry.Bytes;
            socket.SendHandshake(LinkFrameKind.Welcome, welcome);
            SendChunks(socket, file, entry, hello.FileOffset);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LinkException($"{entry.Name} cannot be read: {e.Message}", e);
        }
    }

    private void SendChunks(LinkSocket socket, Microsoft.Win32.SafeHandles.SafeFileHandle file, PackedFile entry, long offset)
    {
        using var deadline = new Timer(_ => socket.Dispose(), null, Timeout.Infinite, Timeout.Infinite);
        socket.SetSilence(options.ChunkDeadline);
        var frame = GC.AllocateUninitializedArray<byte>(LinkHeader.Bytes + FetchOptions.ChunkBytes);
        while (offset < entry.Bytes)
        {
            int wanted = (int)Math.Min(FetchOptions.ChunkBytes, entry.Bytes - offset);
            int read = RandomAccess.Read(file, frame.AsSpan(LinkHeader.Bytes, wanted), offset);
            if (read == 0)
                throw new LinkException($"{entry.Name} ends at {offset} bytes, the manifest says {entry.Bytes}");
            new LinkHeader(LinkFrameKind.FileChunk, read, Step: offset).Write(frame);
            deadline.Change(options.ChunkDeadline, Timeout.InfiniteTimeSpan);
            socket.Send(frame.AsSpan(0, LinkHeader.Bytes + read));
            offset += read;
        }
    }

    private static LinkException Refuse(LinkSocket socket, string reason, bool busy = false)
    {
        socket.SendHandshake(LinkFrameKind.Refused, new LinkRefused { Reason = reason, Busy = busy });
        return new LinkException("refused: " + reason) { Refused = true, Orderly = busy };
    }
}
