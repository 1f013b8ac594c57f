package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
	"github.com/alluxio-go/alluxio/proto/journalmasterpb"
)

// newQuorumCmd is the group of the masters that replicate the journal. Who is
// among them is configuration, so none is removed here.
func newQuorumCmd(env *Env) *cobra.Command {
	return newGroup("quorum", "Look after the masters that replicate the journal", "", newQuorumInfoCmd(env), newQuorumElectCmd(env))
}

func newQuorumElectCmd(env *Env) *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use:     "elect -address HOST:PORT",
		Short:   "Hand leadership over to another master",
		Long:    "Hands leadership over to another master, named by its journal address, as quorum info lists it.",
		Example: examples("fsadmin journal quorum elect -address master-2:19200"),
		Args:    argCount(0, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			host, text, err := net.SplitHostPort(address)
			port, portErr := strconv.ParseUint(text, 10, 16)
			if err != nil || portErr != nil || host == "" {
				return usagef(cmd, "Option -address takes the journal address of a master, HOST:PORT.")
			}
			return withShell(env, func(ctx context.Context, sh *shell, _ []string) error {
				return runElect(ctx, sh, &grpcpb.NetAddress{Host: &host, RpcPort: new(int32(port))})
			})(cmd, args)
		},
	}
	cmd.Flags().StringVar(&address, "address", "", "journal address of the master that is to lead")
	return cmd
}

func runElect(ctx context.Context, sh *shell, to *grpcpb.NetAddress) error {
	info, err := ask(ctx, sh, journalmasterpb.NewJournalMasterClientServiceClient,
		journalmasterpb.JournalMasterClientServiceClient.GetQuorumInfo, &journalmasterpb.GetQuorumInfoPRequest{})
	if err != nil {
		return err
	}
	member := false
	for _, s := range info.GetServerInfo() {
		if addressText(s.GetServerAddress()) != addressText(to) {
			continue
		}
		if member = true; s.GetIsLeader() {
			sh.printf("%s leads already.", addressText(to))
			return nil
		}
	}
	if !member {
		return errors.Errorf(errors.NotFound, "No master has the journal address %s; \"fsadmin journal quorum info\" lists them.", addressText(to))
	}
	_, err = ask(ctx, sh, journalmasterpb.NewJournalMasterClientServiceClient,
		journalmasterpb.JournalMasterClientServiceClient.TransferLeadership, &journalmasterpb.TransferLeadershipPRequest{ServerAddress: to})
	if err == nil {
		sh.printf("Successfully elected %s as the new leader", addressText(to))
	}
	return err
}

func newQuorumInfoCmd(env *Env) *cobra.Command {
	var domain string
	cmd := &cobra.Command{
		Use:     "info -domain MASTER",
		Short:   "List the masters that replicate the journal",
		Example: examples("fsadmin journal quorum info -domain MASTER"),
		Args:    argCount(0, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			if domain != "MASTER" {
				return usagef(cmd, "Invalid value provided for option: domain. Supported values: [MASTER]")
			}
			return withShell(env, func(ctx context.Context, sh *shell, _ []string) error {
				info, err := ask(ctx, sh, journalmasterpb.NewJournalMasterClientServiceClient,
					journalmasterpb.JournalMasterClientServiceClient.GetQuorumInfo, &journalmasterpb.GetQuorumInfoPRequest{})
				if err == nil {
					writeQuorum(sh.Stdout, info)
				}
				return err
			})(cmd, args)
		},
	}
	cmd.Flags().StringVar(&domain, "domain", "MASTER", "the journal: there is only that of the masters")
	return cmd
}

func writeQuorum(w io.Writer, info *journalmasterpb.GetQuorumInfoPResponse) {
	leader := "none"
	for _, s := range info.GetServerInfo() {
		if s.GetIsLeader() {
			leader = addressText(s.GetServerAddress())
		}
	}
	fmt.Fprintf(w, "Journal domain\t: %s\nQuorum size\t: %d\nQuorum leader\t: %s\n\n", info.GetDomain(), len(info.GetServerInfo()), leader)
	const row = "%-11s | %-8s | %s\n"
	fmt.Fprintf(w, row, "STATE", "PRIORITY", "SERVER ADDRESS")
	for _, s := range info.GetServerInfo() {
		fmt.Fprintf(w, row, s.GetServerState(), strconv.Itoa(int(s.GetPriority())), addressText(s.GetServerAddress()))
	}
}

// addressText returns host:port; a lone master's journal has no port.
func addressText(a *grpcpb.NetAddress) string {
	if a.GetRpcPort() == 0 {
		return a.GetHost()
	}
	return net.JoinHostPort(a.GetHost(), strconv.Itoa(int(a.GetRpcPort())))
}
