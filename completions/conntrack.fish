# fish completion for conntrack
# Made from the tables in src/cli by `npm run docs`: edit those, or src/cli/docs/completions.ts.

# Whether the word before is one of these.
function __conntrack_after
    contains -- (commandline -opc)[-1] $argv
end

# Whether -p names this protocol.
function __conntrack_protocol
    set -l words (commandline -opc)
    for i in (seq 1 (math (count $words) - 1))
        if contains -- $words[$i] -p --protonum; and test (string lower -- $words[(math $i + 1)]) = $argv[1]
            return 0
        end
    end
    string match -qi -- "*-p$argv[1]*" "$words "; or string match -qi -- "*--protonum=$argv[1]*" "$words "
end

# One more of these, behind the last comma.
function __conntrack_list
    set -l before (string match -r '^.*,' -- (commandline -ct | string replace -r '^--[a-z-]+=' ''))
    for word in $argv
        if not contains -- $word (string split , -- "$before")
            echo "$before$word"
        end
    end
end

# The names in the label file.
function __conntrack_labels
    set -l words (commandline -opc)
    set -l file /etc/xtables/connlabel.conf
    for i in (seq 1 (math (count $words) - 1))
        contains -- $words[$i] -M --labelmap; and set file $words[(math $i + 1)]
    end
    test -r $file; and string match -rg '^\s*[0-9][0-9a-fA-FxX]*\s+([A-Za-z0-9 -]*[A-Za-z0-9-])\s*$' <$file
end

complete -c conntrack -f
complete -c conntrack -s L -l dump -d 'show the entries of a table'
complete -c conntrack -n '__conntrack_after -L --dump' -a 'expect conntrack dying unconfirmed' -d table
complete -c conntrack -s G -l get -d 'look up one entry and show it'
complete -c conntrack -n '__conntrack_after -G --get' -a 'expect conntrack' -d table
complete -c conntrack -s D -l delete -d 'delete the entries that match, and show them'
complete -c conntrack -n '__conntrack_after -D --delete' -a 'expect conntrack' -d table
complete -c conntrack -s I -l create -d 'create an entry; it is an error if it exists'
complete -c conntrack -n '__conntrack_after -I --create' -a 'expect conntrack' -d table
complete -c conntrack -s A -l add -d 'create an entry, unless it exists'
complete -c conntrack -n '__conntrack_after -A --add' -a 'conntrack' -d table
complete -c conntrack -s U -l update -d 'change the entries that match, and show them'
complete -c conntrack -n '__conntrack_after -U --update' -a 'conntrack' -d table
complete -c conntrack -s E -l event -d 'show what happens, until interrupted'
complete -c conntrack -n '__conntrack_after -E --event' -a 'expect conntrack' -d table
complete -c conntrack -s F -l flush -d 'empty a table'
complete -c conntrack -n '__conntrack_after -F --flush' -a 'expect conntrack' -d table
complete -c conntrack -s C -l counter -d 'show how many entries a table has'
complete -c conntrack -n '__conntrack_after -C --counter' -a 'expect conntrack' -d table
complete -c conntrack -s S -l stats -d 'show the kernel\'s counters, a line a CPU'
complete -c conntrack -n '__conntrack_after -S --stats' -a 'expect conntrack' -d table
complete -c conntrack -l diagnose -d 'say what fills the table and what helps: exit status 0 nothing, 3 warnings, 4 full or dropping'
complete -c conntrack -l top -d 'a live view of the table, which changes nothing'
complete -c conntrack -s V -l version -d 'show the version'
complete -c conntrack -s h -l help -d 'show this text; with -p, a protocol\'s options too'
complete -c conntrack -s R -l load-file -r -F -d 'do what the lines of a file say; - reads standard input'
complete -c conntrack -s s -l src -l orig-src -x -d 'source of the original direction, or its network'
complete -c conntrack -s d -l dst -l orig-dst -x -d 'destination of the original direction, or its network'
complete -c conntrack -s r -l reply-src -x -d 'source of the reply direction'
complete -c conntrack -s q -l reply-dst -x -d 'destination of the reply direction'
complete -c conntrack -s p -l protonum -x -a 'tcp udp udplite sctp dccp icmp icmpv6 gre' -d 'layer-4 protocol, by name or number; its own options go with it'
complete -c conntrack -s t -l timeout -x -d 'time until the entry expires'
complete -c conntrack -s u -l status -x -a '(__conntrack_list ASSURED SEEN_REPLY UNSET FIXED_TIMEOUT EXPECTED OFFLOAD HW_OFFLOAD UNREPLIED)' -d 'comma list of ASSURED, SEEN_REPLY, FIXED_TIMEOUT, EXPECTED, OFFLOAD, HW_OFFLOAD; !FLAG for one that is not set; UNREPLIED, UNSET'
complete -c conntrack -s z -l zero -d 'set the counters to zero while listing'
complete -c conntrack -s e -l event-mask -x -a '(__conntrack_list ALL NEW UPDATES DESTROY)' -d 'comma list of NEW, UPDATES, DESTROY, or ALL'
complete -c conntrack -l tuple-src -x -d 'source that is expected, or its network'
complete -c conntrack -l tuple-dst -x -d 'destination that is expected, or its network'
complete -c conntrack -l mask-src -x -d 'network mask of the source'
complete -c conntrack -l mask-dst -x -d 'network mask of the destination'
complete -c conntrack -s a -l nat-range -x -d 'ignored, with a warning'
complete -c conntrack -s m -l mark -x -d 'connection mark'
complete -c conntrack -s i -l id -x -d 'the kernel\'s id of the entry'
complete -c conntrack -s f -l family -x -a 'ipv4 ipv6' -d 'ipv4 or ipv6'
complete -c conntrack -s n -l src-nat -d 'source translation, and to what'
complete -c conntrack -s g -l dst-nat -d 'destination translation, and to what'
complete -c conntrack -s o -l output -x -a '(__conntrack_list xml extended timestamp id ktimestamp labels userspace save json table prometheus)' -d 'comma list of extended, id, timestamp, ktimestamp, labels, userspace, and xml or json; or save, table or prometheus alone'
complete -c conntrack -s c -l secmark -x -d 'security mark'
complete -c conntrack -s b -l buffer-size -x -d 'size of the receive buffer for events'
complete -c conntrack -s j -l any-nat -d 'source or destination translation, and to what'
complete -c conntrack -s w -l zone -x -d 'zone of both directions'
complete -c conntrack -s l -l label -x -a '(__conntrack_list (__conntrack_labels))' -d 'comma list of labels; all must be set'
complete -c conntrack -l label-add -x -a '(__conntrack_list (__conntrack_labels))' -d 'comma list of labels to set'
complete -c conntrack -l label-del -d 'comma list of labels to clear; all, if none is named'
complete -c conntrack -l orig-zone -x -d 'zone of the original direction'
complete -c conntrack -l reply-zone -x -d 'zone of the reply direction'
complete -c conntrack -s M -l labelmap -r -F -d 'file with the names of labels, instead of /etc/xtables/connlabel.conf'
complete -c conntrack -l bytes -x -d 'bytes of both directions together: comma list of N, N-M, N-, -M, with units k, M, G, T or Ki, Mi, Gi, Ti'
complete -c conntrack -l packets -x -d 'packets of both directions together: comma list of N, N-M, N-, -M, with units k, M, G, T or Ki, Mi, Gi, Ti'
complete -c conntrack -l age -x -d 'time since the entry was made: comma list of T, T-U, T-, -U; each time is seconds, or like 30s, 5m, 1h30m, 2d'
complete -c conntrack -l expires -x -d 'time until the entry expires: comma list of T, T-U, T-, -U; each time is seconds, or like 30s, 5m, 1h30m, 2d'
complete -c conntrack -l group-by -x -a '(__conntrack_list family protocol state src dst sport dport reply-src reply-dst snat dnat nat mark zone label helper status)' -d 'groups in place of entries: comma list of family, protocol, state, src, dst, sport, dport, reply-src, reply-dst, snat, dnat, nat, mark, zone, label, helper, status'
complete -c conntrack -l sort -x -a 'flows unreplied packets bytes orig-bytes reply-bytes age expires' -d 'order: a field of --group-by, flows, unreplied, packets, bytes, orig-bytes, reply-bytes, age, expires'
complete -c conntrack -l limit -x -d 'how many entries or groups are shown at most'
complete -c conntrack -l from -r -F -d 'read a saved table instead of the kernel\'s: lines of -o json, of the default or extended format, or of /proc/net/nf_conntrack; - is standard input'
complete -c conntrack -l explain -d 'counters of all CPUs together, with what each means'
complete -c conntrack -l interval -x -d 'show the figures again after each interval, with rates'
complete -c conntrack -l rounds -x -d 'how often --interval shows figures; without it, until interrupted'
complete -c conntrack -l color -d 'colours on standard output: auto, always, never; auto without a word'
complete -c conntrack -l dry-run -d 'show what would be changed, and change nothing'
complete -c conntrack -l ignore-not-found -d 'exit status 0 if nothing was there, or nothing needed a change'
complete -c conntrack -l netns -x -d 'work in another network namespace'
complete -c conntrack -l all-netns -d 'do it in every network namespace of the machine'
complete -c conntrack -n '__conntrack_protocol tcp' -l sport -l orig-port-src -x -d 'source port'
complete -c conntrack -n '__conntrack_protocol tcp' -l dport -l orig-port-dst -x -d 'destination port'
complete -c conntrack -n '__conntrack_protocol tcp' -l reply-port-src -x -d 'source port of the reply'
complete -c conntrack -n '__conntrack_protocol tcp' -l reply-port-dst -x -d 'destination port of the reply'
complete -c conntrack -n '__conntrack_protocol tcp' -l mask-port-src -x -d 'mask of the expected source port'
complete -c conntrack -n '__conntrack_protocol tcp' -l mask-port-dst -x -d 'mask of the expected destination port'
complete -c conntrack -n '__conntrack_protocol tcp' -l state -x -a 'NONE SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT CLOSE_WAIT LAST_ACK TIME_WAIT CLOSE SYN_SENT2 LISTEN' -d 'state of the connection, e.g. ESTABLISHED'
complete -c conntrack -n '__conntrack_protocol tcp' -l tuple-port-src -x -d 'expected source port'
complete -c conntrack -n '__conntrack_protocol tcp' -l tuple-port-dst -x -d 'expected destination port'
complete -c conntrack -n '__conntrack_protocol udp' -l sport -l orig-port-src -x -d 'source port'
complete -c conntrack -n '__conntrack_protocol udp' -l dport -l orig-port-dst -x -d 'destination port'
complete -c conntrack -n '__conntrack_protocol udp' -l reply-port-src -x -d 'source port of the reply'
complete -c conntrack -n '__conntrack_protocol udp' -l reply-port-dst -x -d 'destination port of the reply'
complete -c conntrack -n '__conntrack_protocol udp' -l mask-port-src -x -d 'mask of the expected source port'
complete -c conntrack -n '__conntrack_protocol udp' -l mask-port-dst -x -d 'mask of the expected destination port'
complete -c conntrack -n '__conntrack_protocol udp' -l tuple-port-src -x -d 'expected source port'
complete -c conntrack -n '__conntrack_protocol udp' -l tuple-port-dst -x -d 'expected destination port'
complete -c conntrack -n '__conntrack_protocol udplite' -l sport -l orig-port-src -x -d 'source port'
complete -c conntrack -n '__conntrack_protocol udplite' -l dport -l orig-port-dst -x -d 'destination port'
complete -c conntrack -n '__conntrack_protocol udplite' -l reply-port-src -x -d 'source port of the reply'
complete -c conntrack -n '__conntrack_protocol udplite' -l reply-port-dst -x -d 'destination port of the reply'
complete -c conntrack -n '__conntrack_protocol udplite' -l mask-port-src -x -d 'mask of the expected source port'
complete -c conntrack -n '__conntrack_protocol udplite' -l mask-port-dst -x -d 'mask of the expected destination port'
complete -c conntrack -n '__conntrack_protocol udplite' -l tuple-port-src -x -d 'expected source port'
complete -c conntrack -n '__conntrack_protocol udplite' -l tuple-port-dst -x -d 'expected destination port'
complete -c conntrack -n '__conntrack_protocol sctp' -l sport -l orig-port-src -x -d 'source port'
complete -c conntrack -n '__conntrack_protocol sctp' -l dport -l orig-port-dst -x -d 'destination port'
complete -c conntrack -n '__conntrack_protocol sctp' -l reply-port-src -x -d 'source port of the reply'
complete -c conntrack -n '__conntrack_protocol sctp' -l reply-port-dst -x -d 'destination port of the reply'
complete -c conntrack -n '__conntrack_protocol sctp' -l mask-port-src -x -d 'mask of the expected source port'
complete -c conntrack -n '__conntrack_protocol sctp' -l mask-port-dst -x -d 'mask of the expected destination port'
complete -c conntrack -n '__conntrack_protocol sctp' -l state -x -a 'NONE CLOSED COOKIE_WAIT COOKIE_ECHOED ESTABLISHED SHUTDOWN_SENT SHUTDOWN_RECD SHUTDOWN_ACK_SENT HEARTBEAT_SENT HEARTBEAT_ACKED' -d 'state of the connection, e.g. ESTABLISHED'
complete -c conntrack -n '__conntrack_protocol sctp' -l tuple-port-src -x -d 'expected source port'
complete -c conntrack -n '__conntrack_protocol sctp' -l tuple-port-dst -x -d 'expected destination port'
complete -c conntrack -n '__conntrack_protocol sctp' -l orig-vtag -x -d 'verification tag of the original direction'
complete -c conntrack -n '__conntrack_protocol sctp' -l reply-vtag -x -d 'verification tag of the reply direction'
complete -c conntrack -n '__conntrack_protocol dccp' -l sport -l orig-port-src -x -d 'source port'
complete -c conntrack -n '__conntrack_protocol dccp' -l dport -l orig-port-dst -x -d 'destination port'
complete -c conntrack -n '__conntrack_protocol dccp' -l reply-port-src -x -d 'source port of the reply'
complete -c conntrack -n '__conntrack_protocol dccp' -l reply-port-dst -x -d 'destination port of the reply'
complete -c conntrack -n '__conntrack_protocol dccp' -l mask-port-src -x -d 'mask of the expected source port'
complete -c conntrack -n '__conntrack_protocol dccp' -l mask-port-dst -x -d 'mask of the expected destination port'
complete -c conntrack -n '__conntrack_protocol dccp' -l state -x -a 'NONE REQUEST RESPOND PARTOPEN OPEN CLOSEREQ CLOSING TIMEWAIT IGNORE INVALID' -d 'state of the connection, e.g. ESTABLISHED'
complete -c conntrack -n '__conntrack_protocol dccp' -l tuple-port-src -x -d 'expected source port'
complete -c conntrack -n '__conntrack_protocol dccp' -l tuple-port-dst -x -d 'expected destination port'
complete -c conntrack -n '__conntrack_protocol dccp' -l role -x -a 'client server' -d 'client or server: which of them the original direction comes from'
complete -c conntrack -n '__conntrack_protocol icmp' -l icmp-type -x -d 'ICMP type'
complete -c conntrack -n '__conntrack_protocol icmp' -l icmp-code -x -d 'ICMP code'
complete -c conntrack -n '__conntrack_protocol icmp' -l icmp-id -x -d 'ICMP id; -I, -A and -G take 0 where it is absent'
complete -c conntrack -n '__conntrack_protocol icmpv6' -l icmpv6-type -x -d 'ICMPv6 type'
complete -c conntrack -n '__conntrack_protocol icmpv6' -l icmpv6-code -x -d 'ICMPv6 code'
complete -c conntrack -n '__conntrack_protocol icmpv6' -l icmpv6-id -x -d 'ICMPv6 id; -I, -A and -G take 0 where it is absent'
complete -c conntrack -n '__conntrack_protocol gre' -l srckey -l orig-key-src -x -d 'source key'
complete -c conntrack -n '__conntrack_protocol gre' -l dstkey -l orig-key-dst -x -d 'destination key'
complete -c conntrack -n '__conntrack_protocol gre' -l reply-key-src -x -d 'source key of the reply'
complete -c conntrack -n '__conntrack_protocol gre' -l reply-key-dst -x -d 'destination key of the reply'
complete -c conntrack -n '__conntrack_protocol gre' -l mask-key-src -x -d 'mask of the expected source key'
complete -c conntrack -n '__conntrack_protocol gre' -l mask-key-dst -x -d 'mask of the expected destination key'
complete -c conntrack -n '__conntrack_protocol gre' -l tuple-key-src -x -d 'expected source key'
complete -c conntrack -n '__conntrack_protocol gre' -l tuple-key-dst -x -d 'expected destination key'
