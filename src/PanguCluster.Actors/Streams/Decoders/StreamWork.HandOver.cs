namespace PanguCluster.Actors.Streams;

/// <summary>Leaving decoders that are being drained, make before break: the old sequence goes on until the new one has done its prefill.</summary>
internal sealed partial class StreamWork
{
    /// <summary>It is this stream's turn to leave decoders that are being drained.</summary>
    public void OnHandOverNow()
    {
        _turn.Got();
        Review();
    }

    private void HandOver(PlacementPlan plan)
    {
        if (plan.HandOvers.Count > 0 && !_turn.Has)
            _turn.Want();
        else
            foreach (var placement in plan.HandOvers)
                Submit(placement);
        SettleHandOver();
        // Nothing is wrong: it waits where it is, for as long as that takes.
        if (plan.Refused)
            _timers.Retry(_settings.Options.Retry);
    }

    /// <summary>The token of a sequence that is to take over, known already: the prefill behind it is done.</summary>
    private void OnBehind(PlacedSequence successor, int behind)
    {
        if (!IsTakingOver(successor))
            return;
        if (StreamFailover.IsClose(behind, successor.Behind))
            DropRivals(successor, itself: false);
        else
            Submit(new Placement(successor.Choice, successor.Decoder, false, false) { TakesOver = true, Behind = behind });
    }

    private bool IsTakingOver(PlacedSequence sequence)
    {
        var usable = Usable;
        return StreamFailover.IsAtHome(sequence, usable)
            && _sequences.Of(sequence.Choice).Any(s => StreamFailover.InGoodStanding(s, usable) && !StreamFailover.IsAtHome(s, usable));
    }

    /// <summary>Gives the turn back when nothing is on its way any more.</summary>
    private void SettleHandOver()
    {
        if (_turn.Has && !_sequences.All().Any(s => !s.ScoresOnly && Choices[s.Choice].End is null && IsTakingOver(s)))
            _turn.GiveBack();
    }
}
