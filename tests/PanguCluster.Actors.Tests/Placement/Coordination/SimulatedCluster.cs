using PanguCluster.Actors.Control;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Placement.Coordination;
using PanguCluster.Actors.Placement.Planning;
using PanguCluster.Actors.Placement.Table;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Tests.Placement.Coordination;

/// <summary>
/// Nodes that do what a table says, each in its own time, and the pure coordinator: a whole cluster's placement in one thread, under a clock that only the test moves.
/// </summary>
internal sealed class SimulatedCluster(Random random, PlacementRules rules)
{
    private sealed class Node
    {
        public required string Id { get; init; }
        public bool Alive { get; set; } = true;
        public bool Removed { get; set; }
        public int MaxGroups { get; init; } = 8;
        public IReadOnlyList<string> Roles { get; init; } = NodeRoles.All;
        public int Sequences { get; set; }
        public (long Version, int Sequences) Reported { get; set; }
        public int ReportsSinceDrained { get; set; }
        public HashSet<int> Broken { get; } = [];
        public Dictionary<(int Group, long Number), OwnedGroupState> Devices { get; } = [];
    }

    private static readonly Manifest Manifest = TestModel.Bf16.Manifest;

    private readonly List<Node> _nodes = [];
    private readonly List<(string Id, long At)> _launching = [];
    private int _requests;

    public PlacementTable Table { get; private set; } = PlacementTable.Empty with { Coordinator = "node-1" };

    public long Now { get; private set; } = 1_700_000_000_000;

    public IEnumerable<string> Alive => _nodes.Where(n => n.Alive && !n.Removed).Select(n => n.Id);

    public bool HasLauncher { get; init; } = true;

    /// <summary>How likely a node that is started never comes.</summary>
    public double LostLaunches { get; init; }

    /// <summary>What must never be; the first one found.</summary>
    public string? Violation { get; private set; }

    public void Join(string id, int maxGroups = 8) => _nodes.Add(new Node { Id = id, MaxGroups = maxGroups, Sequences = random.Next(4), Reported = (1, 0) });

    public void JoinAs(string id, params string[] roles) => _nodes.Add(new Node { Id = id, Roles = roles, Reported = (1, 0) });

    public void Kill(string id)
    {
        var node = Find(id);
        node.Alive = false;
        node.Devices.Clear();
    }

    public void Break(string id, int group) => Find(id).Broken.Add(group);

    public void Mend()
    {
        foreach (var node in _nodes)
            node.Broken.Clear();
    }

    public ControlReply Send(ControlCommand command)
    {
        string id = $"op{_requests++}";
        var (table, reply) = ControlRules.Apply(Table, command, Facts(), rules, id, HasLauncher ? "sim" : null);
        Decide(table);
        return reply;
    }

    /// <summary>One turn: some time passes, nodes do some of what they should, the coordinator takes a step.</summary>
    public void Turn()
    {
        Now += random.Next(50, 400);
        foreach (var node in _nodes.Where(n => !n.Removed).ToArray())
            Act(node);
        foreach (var (id, at) in _launching.Where(l => l.At <= Now).ToArray())
        {
            _launching.Remove((id, at));
            if (_nodes.All(n => n.Id != id || n.Removed))
                Join(id);
        }
        var outcome = PlacementReconciler.Step(Table, Facts(), rules);
        Decide(outcome.Table);
        foreach (string id in outcome.Start)
            if (random.NextDouble() >= LostLaunches)
                _launching.Add((id, Now + random.Next(300, 3000)));
        foreach (string id in outcome.Stop)
            _launching.RemoveAll(l => l.Id == id);
    }

    /// <summary>Groups with a ready device on a live node.</summary>
    public IEnumerable<int> Served => Enumerable.Range(0, Manifest.Shape.Groups).Where(g => _nodes.Any(n => n.Alive && !n.Removed
        && n.Devices.Any(d => d.Key.Group == g && d.Value == OwnedGroupState.Ready)));

    public int[] Spread => [.. _nodes.Where(n => n.Alive && !n.Removed).Select(n => Table.Groups.Count(i => i.NodeId == n.Id && IsReady(i))).Order()];

    public bool IsSettled => Table.Operations.All(o => !o.IsRunning) && Table.Groups.All(i => i.Phase == IncarnationPhase.Serving && Facts().IsReady(i));

    private void Act(Node node)
    {
        if (!node.Alive)
        {
            // Membership takes a dead node out some time later.
            node.Removed = random.Next(8) == 0;
            return;
        }
        if (Table.Leaves(node.Id))
        {
            if (node.Devices.Count + node.Sequences > 0)
                Violation ??= $"{node.Id} was told to leave with {node.Devices.Count} devices and {node.Sequences} sequences";
            node.Removed = random.Next(4) == 0;
            return;
        }
        Decode(node);
        foreach (var i in Table.Groups.Where(i => i.NodeId == node.Id && !node.Devices.ContainsKey((i.Group, i.Number))))
            if (random.Next(2) == 0)
                node.Devices[(i.Group, i.Number)] = OwnedGroupState.Starting;
        foreach (var (key, state) in node.Devices.ToArray())
        {
            if (!Table.Groups.Any(i => i.NodeId == node.Id && i.Group == key.Group && i.Number == key.Number))
            {
                node.Devices.Remove(key);
            }
            else if (state != OwnedGroupState.Ready && random.Next(3) == 0)
            {
                node.Devices[key] = node.Broken.Contains(key.Group) ? OwnedGroupState.Failed : OwnedGroupState.Ready;
            }
        }
    }

    /// <summary>Sequences come and go. What a node says of them is a little old, and so is what their senders know of its duty.</summary>
    private void Decode(Node node)
    {
        if (random.Next(2) == 0)
        {
            node.Reported = (node.Reported.Version + 1, node.Sequences);
            node.ReportsSinceDrained++;
        }
        if (Table.DutyOf(node.Id) != NodeDuty.Drains)
            node.ReportsSinceDrained = 0;
        if (node.ReportsSinceDrained <= 1 && node.Sequences < 4 && random.Next(6) == 0)
            node.Sequences++;
        else if (node.Sequences > 0 && random.Next(3) == 0)
            node.Sequences--;
    }

    private void Decide(PlacementTable table)
    {
        if (ReferenceEquals(table, Table))
            return;
        table = table with { Version = Math.Max(table.Version, Table.Version + 1) };
        if (table.Epoch < Table.Epoch)
            Violation ??= "the epoch fell";
        if (!table.Groups.SequenceEqual(Table.Groups) && table.Epoch == Table.Epoch)
            Violation ??= "the groups changed in one epoch";
        if (table.Groups.Select(i => i.Number).Distinct().Count() != table.Groups.Length || table.Groups.Any(i => i.Number >= table.NextNumber))
            Violation ??= "an incarnation's number is not its own";
        if (table.Groups.GroupBy(i => (i.Group, i.NodeId)).Any(g => g.Count() > 1))
            Violation ??= "two incarnations of a group on one node";
        // A copy may only be given up while another one serves; whoever dies after that is another story.
        foreach (var given in Table.Groups.Where(i => IsReady(i) && table.Groups.All(k => k.Number != i.Number)))
            if (!table.Groups.Any(i => i.Group == given.Group && IsReady(i)))
                Violation ??= $"the last copy of group {given.Group} on {given.NodeId} was given up";
        foreach (int g in Served)
            if (HasServing(Table, g) && !HasServing(table, g))
                Violation ??= $"the rows of group {g} were sent away before there was a place for them";
        Table = table;
    }

    private bool HasServing(PlacementTable table, int group) =>
        table.Groups.Any(i => i.Group == group && i.Phase == IncarnationPhase.Serving && IsReady(i));

    private bool IsReady(GroupIncarnation i) => _nodes.Any(n => n.Id == i.NodeId && n.Alive && !n.Removed
        && n.Devices.GetValueOrDefault((i.Group, i.Number)) == OwnedGroupState.Ready);

    private ClusterFacts Facts() => new([.. _nodes.Where(n => !n.Removed).Select(Known)], Manifest, Now, 100_000);

    private KnownNode Known(Node node, int index) => new(
        $"akka://{node.Id}#{index}", node.Alive ? "Up" : "Unreachable", node.Alive, false, node.Roles,
        new NodeState(
            node.Id, node.Reported.Version, "", "", "x:1", "h", "managed", "m", Manifest.Digest, Manifest.NumericsVersion,
            [.. node.Devices.Select(d => new OwnedGroup(d.Key.Group, d.Key.Number, d.Value, ""))], node.Roles.Contains(NodeRoles.Decoder) ? "akka://d" : "", new DecoderLoad(node.Reported.Sequences, 0, 1, 1, 0, 0, 0), [], 0, "")
        {
            Files = [0, 1, 2, 3, 4, 5, 6, 7], MaxGroups = node.MaxGroups,
        });

    private Node Find(string id) => _nodes.Last(n => n.Id == id && !n.Removed);
}
