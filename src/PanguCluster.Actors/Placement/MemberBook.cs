using Akka.Cluster;

namespace PanguCluster.Actors.Placement;

internal enum MemberChange
{
    None,
    Added,
    Removed,
}

/// <summary>The members this node knows of, what they last said, and who cannot be reached.</summary>
internal sealed class MemberBook(UniqueAddress self)
{
    private readonly Dictionary<UniqueAddress, (Member Member, string Key)> _members = [];
    private readonly Dictionary<string, NodeState> _states = [];
    private readonly HashSet<UniqueAddress> _unreachable = [];

    public int Count => _members.Count;

    public MemberChange On(ClusterEvent.IMemberEvent e, string key)
    {
        var address = e.Member.UniqueAddress;
        if (e is ClusterEvent.MemberRemoved)
        {
            _unreachable.Remove(address);
            _states.Remove(key);
            return _members.Remove(address) ? MemberChange.Removed : MemberChange.None;
        }
        bool known = _members.ContainsKey(address);
        _members[address] = (e.Member, key);
        return known || address.Equals(self) ? MemberChange.None : MemberChange.Added;
    }

    public void On(ClusterEvent.ReachabilityEvent e)
    {
        if (e is ClusterEvent.UnreachableMember)
            _unreachable.Add(e.Member.UniqueAddress);
        else
            _unreachable.Remove(e.Member.UniqueAddress);
    }

    /// <summary>False: this version or a newer one was known.</summary>
    public bool Set(string key, NodeState state)
    {
        if (_states.TryGetValue(key, out var known) && known.Version >= state.Version)
            return false;
        _states[key] = state;
        return true;
    }

    /// <summary>Address of a live member that was there before this node and goes by the same id; null: none.</summary>
    public string? ElderNamed(string nodeId)
    {
        if (!_members.TryGetValue(self, out var own))
            return null;
        foreach (var (address, (member, key)) in _members)
            if (!address.Equals(self) && !_unreachable.Contains(address) && member.Status is MemberStatus.Up or MemberStatus.WeaklyUp
                && _states.GetValueOrDefault(key)?.NodeId == nodeId && member.IsOlderThan(own.Member))
                return member.Address.ToString();
        return null;
    }

    public IReadOnlyList<KnownNode> Nodes()
    {
        var nodes = new List<KnownNode>(_members.Count);
        foreach (var (address, (member, key)) in _members)
        {
            bool reachable = !_unreachable.Contains(address);
            bool up = member.Status is MemberStatus.Up or MemberStatus.WeaklyUp or MemberStatus.Leaving or MemberStatus.Exiting;
            string status = reachable ? member.Status.ToString() : "Unreachable";
            nodes.Add(new KnownNode(
                member.Address.ToString(), status, up && reachable, address.Equals(self), [.. member.Roles.Where(NodeRoles.All.Contains).Order(StringComparer.Ordinal)],
                _states.GetValueOrDefault(key)));
        }
        return nodes;
    }
}
