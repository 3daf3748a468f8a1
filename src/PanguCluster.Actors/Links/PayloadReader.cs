namespace PanguCluster.Actors.Links;

/// <summary>
/// Reads a payload piece by piece with few system calls: small pieces come out of a scratch buffer that is filled at once, large ones go
/// straight to their place.
/// </summary>
internal ref struct PayloadReader(LinkSocket socket, Span<byte> scratch, int payloadBytes)
{
    public const int ScratchBytes = 64 * 1024;

    private readonly Span<byte> _scratch = scratch;
    private int _left = payloadBytes;
    private int _at;
    private int _have;

    /// <exception cref="LinkException">The payload is shorter than what is read of it.</exception>
    public void Read(scoped Span<byte> to)
    {
        if (to.Length > _left + _have - _at)
            throw new LinkException("the payload is shorter than its parts");
        while (to.Length > 0)
        {
            if (_at == _have && to.Length >= _scratch.Length)
            {
                socket.Receive(to);
                _left -= to.Length;
                return;
            }
            if (_at == _have)
                Fill();
            int n = Math.Min(to.Length, _have - _at);
            _scratch.Slice(_at, n).CopyTo(to);
            _at += n;
            to = to[n..];
        }
    }

    private void Fill()
    {
        _at = 0;
        _have = Math.Min(_scratch.Length, _left);
        socket.Receive(_scratch[.._have]);
        _left -= _have;
    }
}
