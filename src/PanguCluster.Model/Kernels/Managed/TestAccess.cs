using System.Runtime.CompilerServices;

// Single operations of the reference kernels are held against the page's scalar text.
[assembly: InternalsVisibleTo("PanguCluster.Model.Tests")]
